"""Characters of tiny Shakespeare: nanoGPT's laptop setting, ours at that setting, and our own recipe.

    python -m benchmarks.shakespeare --nanogpt ~/nanoGPT --text ../shared/data/text/tinyshakespeare.txt

The setting is that of nanoGPT's README for a laptop: 4 layers, 4 heads, 128 wide, block 64, batch 12, 2,000 steps, no dropout,
AdamW at 1e-3 (0.9, 0.99), decay 0.1, clipping at 1, 100 steps of warm-up, cosine to a tenth. nanoGPT runs its own model and
its own optimiser set-up from the checkout; both see the same batches, one step each in turn.

Loss is nats a character over the whole last tenth of the file, every character scored once. The text is cut into windows
as long as the model's block, and a window's first character is predicted from the last one of the window before: the context
of a character is what its window has before it (64 characters at most at nanoGPT's setting, 256 in our recipe, which sees
as many characters in as many parameters).
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.common import in_turn, middle, operations, peak, report, spent
from genlab.core.fit import fit
from genlab.core.model import Model
from genlab.core.recipe import Budget, Optim, Recipe
from genlab.core.space import Batch, Space
from genlab.models.autoregressive.gpt import GPTConfig
from genlab.recipes.language import gpt, ngram
from genlab.recipes.make import build
from genlab.runs.engine import Engine

LAYERS, HEADS, WIDTH, BLOCK, BATCH, STEPS = 4, 4, 128, 64, 12, 2000
CHARACTERS = BLOCK * BATCH * STEPS
KEPT = 32  # characters before a window that come with it


class Characters:
    """The first nine tenths of a text for training, the rest for validation, in windows of `length`.

    random   training windows begin anywhere (as nanoGPT's do); otherwise each pass cuts the text anew and shuffles the pieces
    """

    def __init__(self, text: str, length: int, random: bool = False):
        self.names = tuple(sorted(set(text)))
        number = {name: index for index, name in enumerate(self.names)}
        self.tokens = torch.tensor([number[character] for character in text])
        self.cut, self.length, self.random = int(0.9 * len(text)), length, random
        self.space = Space((length,), "T", "token", len(self.names), self.names)
        self.given: Mapping[str, Space] = {}

    def count(self, split: str) -> int:
        return -(-self.size(split) // self.length)

    def size(self, split: str) -> int:
        return self.cut if split == "train" else len(self.tokens) - self.cut

    def stream(self, split: str, cursor: int, n: int) -> Batch:
        if self.random:
            generator = torch.Generator().manual_seed(cursor)
            return self.windows(torch.randint(1, self.cut - self.length, (n,), generator=generator))
        rows = [self._shuffled(*divmod(cursor + row, self.cut // self.length - 1)) for row in range(n)]
        return self.windows(torch.tensor(rows))

    def _shuffled(self, epoch: int, place: int) -> int:
        """Where the window at `place` of a pass begins."""
        if getattr(self, "_epoch", None) != epoch:
            generator = torch.Generator().manual_seed(epoch)
            shift = torch.randint(self.length, (1,), generator=generator)
            self._epoch, self._starts = (
                epoch,
                shift + self.length * torch.randperm(self.cut // self.length - 1, generator=generator),
            )
        return int(self._starts[place])

    def once(self, split: str, cursor: int, n: int) -> Batch:
        return self.rows(split, torch.arange(cursor, min(cursor + n, self.count(split))))

    def rows(self, split: str, indices: Tensor) -> Batch:
        first, stop = (0, self.cut) if split == "train" else (self.cut, len(self.tokens))
        starts = first + self.length * indices
        return self.windows(starts)._replace(length=(stop - starts).clamp(max=self.length))

    def label_counts(self) -> None:
        return None

    def windows(self, starts: Tensor) -> Batch:
        index = starts[:, None] + torch.arange(-KEPT, self.length)
        tokens = self.tokens[index.clamp(0, len(self.tokens) - 1)].masked_fill(index < 0, -1)
        return Batch(tokens[:, KEPT:], before=tokens[:, :KEPT])


def batches(data: Characters) -> Iterator[Batch]:
    for cursor in range(0, data.count("validation"), 64):
        yield data.once("validation", cursor, 64)


@torch.no_grad()
def loss_of(model: Model, data: Characters) -> float:
    """Nats a character over the whole validation split."""
    model.eval()
    nats = sum(model.log_prob(batch, noise=None).nats.double().sum().item() for batch in batches(data))  # type: ignore[operator]
    return -nats / data.size("validation")


def ours(data: Characters, recipe: Recipe) -> tuple[Model, Engine, Iterator[Any]]:
    model, engine = build(recipe, data.space, data.given), Engine("cpu")
    return model, engine, iter(fit(model, data, recipe, engine))


def same_setting(steps: int) -> Recipe:
    config = GPTConfig(
        LAYERS, HEADS, WIDTH, positions="learned", norm="gain", activation="gelu", qk_norm=False, before=1, context=BLOCK
    )
    optim = Optim(rate=1e-3, beta2=0.99, weight_decay=0.1, warmup=100 / STEPS, decay="cosine", floor=0.1, clip=1.0)
    return Recipe("gpt", config, Budget(steps=steps), BATCH, optim)


class NanoGPT:
    """nanoGPT's model, optimiser and schedule from a checkout, as its train.py sets them up for a CPU."""

    def __init__(self, folder: str, data: Characters, steps: int):
        sys.path.insert(0, folder)
        from model import GPT as Theirs  # pyright: ignore[reportMissingImports]
        from model import GPTConfig as TheirConfig  # pyright: ignore[reportMissingImports]

        torch.manual_seed(1337)
        sizes = {"n_layer": LAYERS, "n_head": HEADS, "n_embd": WIDTH, "block_size": BLOCK, "dropout": 0.0, "bias": False}
        with redirect_stdout(sys.stderr):  # it prints as it goes
            self.model = Theirs(TheirConfig(vocab_size=data.space.levels, **sizes))
            self.optimiser = self.model.configure_optimizers(0.1, 1e-3, (0.9, 0.99), "cpu")
        self.data, self.steps, self.step = data, steps, 0

    def advance(self) -> None:
        rate = self.rate(self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        read, x = self.windows(self.data.stream("train", BATCH * self.step, BATCH))
        _, loss = self.model(read, x)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1

    def rate(self, step: int) -> float:
        warm = round(self.steps * 100 / STEPS)
        if step < warm:
            return 1e-3 * (step + 1) / (warm + 1)
        return 1e-4 + 0.5 * (1 + math.cos(math.pi * (step - warm) / (self.steps - warm))) * 9e-4

    @staticmethod
    def windows(batch: Batch) -> tuple[Tensor, Tensor]:
        """What its model reads and predicts."""
        return torch.cat([batch.before[:, -1:], batch.x[:, :-1]], 1), batch.x.contiguous()

    @torch.no_grad()
    def loss(self) -> float:
        self.model.eval()
        total = 0.0
        for batch in batches(self.data):
            read, x = self.windows(batch)
            logits, _ = self.model(read, x)
            nats = logits.log_softmax(-1).gather(2, x[..., None])[..., 0]
            total -= (nats * self.data.space.mask(batch)).double().sum().item()
        return total / self.data.size("validation")


def row(name: str, parameters: int, seen: int, loss: float, times: Sequence[float], work: int, best: float) -> dict[str, Any]:
    step = middle(times)
    return {
        "model": name, "parameters": parameters, "characters seen": seen, "nats a character": round(loss, 4),
        "step ms": round(1000 * step, 2), "share of peak": round(work / step / best, 3), "seconds": round(sum(times), 1),
    }  # fmt: skip


def side_by_side(
    text: str, folder: str | None, steps: int, best: float
) -> tuple[list[dict[str, Any]], dict[str, dict[str, float]]]:
    """Both at nanoGPT's setting, a step each in turn; and on what a step of each spends its time."""
    data = Characters(text, BLOCK, random=True)
    model, _, ticks = ours(data, same_setting(steps))
    turns = {"gpt, same setting": lambda: next(ticks)}
    if folder:
        theirs = NanoGPT(folder, data, steps)
        turns = {"nanoGPT": theirs.advance, **turns}
    times = in_turn(turns, steps)
    rows, shares = [], {}
    if folder:
        fresh = NanoGPT(folder, data, steps)
        work, shares["nanoGPT, spent on"] = operations(fresh.advance), spent(fresh.advance)
        count = sum(value.numel() for value in theirs.model.parameters())
        rows.append(row("nanoGPT", count, CHARACTERS * steps // STEPS, theirs.loss(), times["nanoGPT"], work, best))
    _, _, again = ours(data, same_setting(steps))
    count, work = parameters(model), operations(lambda: next(again))
    shares["gpt, spent on"] = spent(lambda: next(again))
    rows.append(
        row(
            "gpt, same setting",
            count,
            CHARACTERS * steps // STEPS,
            loss_of(model, data),
            times["gpt, same setting"],
            work,
            best,
        )
    )
    return rows, shares


def parameters(model: Model) -> int:
    return sum(value.numel() for value in model.parameters())


def own_recipe(text: str, steps: int, best: float) -> dict[str, Any]:
    data = Characters(text, 256)
    recipe = gpt(data.space, data.given)
    wanted = max(1, CHARACTERS * steps // STEPS // (256 * recipe.batch))
    recipe = replace(recipe, budget=Budget(steps=wanted))
    model, engine, ticks = ours(data, recipe)
    times = in_turn({"": lambda: next(ticks)}, wanted)[""]
    list(ticks)  # the last stage closes
    engine.average.swap()
    _, _, again = ours(data, recipe)
    work = operations(lambda: next(again))
    return row("gpt, own recipe", parameters(model), wanted * 256 * recipe.batch, loss_of(model, data), times, work, best)


def counting(text: str) -> dict[str, Any]:
    data = Characters(text, 256)
    since = time.perf_counter()
    model, _, ticks = ours(data, ngram(data.space, data.given))
    list(ticks)
    seconds, loss = round(time.perf_counter() - since, 1), loss_of(model, data)
    return {
        "model": f"ngram, order {model.config.order}",
        "characters seen": data.cut,
        "nats a character": round(loss, 4),
        "seconds": seconds,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nanogpt", help="folder of a checkout of github.com/karpathy/nanoGPT")
    parser.add_argument("--text", default="../shared/data/text/tinyshakespeare.txt")
    parser.add_argument("--steps", type=int, default=STEPS, help="fewer for a quick look")
    parser.add_argument("--json")
    said = parser.parse_args(arguments)
    text = Path(said.text).read_text(encoding="utf-8")
    best = peak()
    rows, shares = side_by_side(text, said.nanogpt, said.steps, best)
    rows += [own_recipe(text, said.steps, best), counting(text)]
    report("shakespeare", rows, said.json, **{"peak GFLOP/s": round(best / 1e9)}, **shares)


if __name__ == "__main__":
    main()
