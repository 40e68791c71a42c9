"""`genlab complete`: a text goes on from its beginning, a picture grows its other half."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import Parameter

from genlab.cli.asked import own_options
from genlab.cli.options import FolderOptions, Json, Raw, RunOptions, SamplingOptions, Seed
from genlab.cli.progress import Progress
from genlab.cli.sample import Run_
from genlab.core.data import Split

EXAMPLES = """Examples:
  genlab complete runs/digits-pixelcnn-1 --keep top
  genlab complete runs/shakespeare-gpt-1 --text "ROMEO:" --length 500
  genlab complete runs/names-gpt-1 --text Mar -n 10"""

Keep = Literal["top", "bottom", "left", "right"]
LENGTH = 200  # tokens that a text goes on for


def complete(
    run: Run_,
    /,
    *,
    text: Annotated[str | None, Parameter(help="Of a text: its beginning.")] = None,
    length: Annotated[int, Parameter(help="Of a text: characters (or tokens) to go on for.")] = LENGTH,
    keep: Annotated[Keep, Parameter(help="Of a picture: the half that is kept.")] = "top",
    split: Annotated[Split, Parameter(help="Of pictures: which part of the data they come from.")] = "test",
    n: Annotated[int, Parameter(name="-n", help="How many.")] = 8,
    seed: Seed = 0,
    sampling: SamplingOptions = SamplingOptions(),  # noqa: B008
    raw: Raw = False,
    output: FolderOptions = FolderOptions(),  # noqa: B008
    machine: RunOptions = RunOptions(),  # noqa: B008
    json: Json = False,
) -> None:
    """Go on with a text, or fill the other half of pictures.

    What the model is given besides, a class say, is that of the pictures unless --class or --given say otherwise.

    The halves that are kept are those of real pictures. Pictures come in rows of three: what was kept, the completion, the
    original.
    """
    if n < 1 or length < 1:
        raise ValueError(f"-n and --length must be at least 1, got {n} and {length}")
    from genlab.cli.looking import capable, noise_for
    from genlab.core.model import Completes

    loaded, model = capable(run, machine, Completes, "complete", not raw)
    options = own_options(model.complete, sampling.option)
    if loaded.space.text and text is None:
        raise ValueError('--text: say how the text begins, as --text "ROMEO:"')
    with Progress() as progress:
        begun = _texts(loaded, model, text or "", n, length) if loaded.space.text else None
        x, mask, own = begun or _pictures(loaded, model, keep, split, n, progress)
        told = loaded.conditions(len(x), seed, {**own, **sampling.asked()}).given
        noise = noise_for(model, seed, range(len(x)))
        with progress.task("completing"):
            frames = [frame.cpu() for frame in model.complete(x, mask, told, noise=noise, **options)]
    record = {"run": run, "n": len(x), "seed": seed}
    if begun:
        _deliver_texts(loaded, frames[-1], record, output, json)
    else:
        _deliver_pictures(loaded, frames, x, mask, record, output, json)


def _texts(run: Any, model: Any, text: str, n: int, length: int) -> tuple[Any, Any, dict[str, Any]]:
    """(x, mask, nothing that is given) of n copies of a beginning with room after it."""
    import torch

    from genlab.cli.looking import device_of

    begun = run.tokenizer().encode(text)
    total = run.space.size if run.space.end is not None else len(begun) + length
    if len(begun) >= total:
        raise ValueError(f"--text has {len(begun)} characters; lines of this run end after {total - 1}")
    x = torch.zeros(n, total, dtype=torch.int64)
    x[:, : len(begun)] = begun
    mask = torch.zeros(n, total, dtype=torch.bool)
    mask[:, : len(begun)] = True
    return x.to(device_of(model)), mask.to(device_of(model)), {}


def _pictures(run: Any, model: Any, keep: Keep, split: Split, n: int, progress: Progress) -> tuple[Any, Any, dict[str, Any]]:
    """(x, mask, given) of real pictures with one half kept."""
    import torch

    from genlab.cli.looking import examples
    from genlab.core.conditions import taken

    batch = examples(run, model, split, n, progress)
    _, height, width = run.space.shape
    mask = torch.zeros_like(batch.x, dtype=torch.bool)
    half = {
        "top": (slice(height // 2), slice(None)),
        "bottom": (slice(height // 2, None), slice(None)),
        "left": (slice(None), slice(width // 2)),
        "right": (slice(None), slice(width // 2, None)),
    }[keep]
    mask[(..., *half)] = True
    return batch.x, mask, {key: value for key, value in batch.given.items() if key in taken(model.given)}


def _deliver_texts(run: Any, x: Any, record: dict[str, Any], output: FolderOptions, json: bool) -> None:
    from genlab.cli.looking import deliver, tell, texts_of
    from genlab.report.pictures import visible
    from genlab.report.saving import text

    if output.out is not None:
        path = deliver(run, "complete", output, [x], {}, 1)
        tell({**record, "out": str(path)}, f"{record['n']} texts: {path}", json)
    else:
        found = texts_of(run, x)
        tell({**record, "texts": found}, visible(text(found, run.space)), json)


def _deliver_pictures(
    run: Any, frames: list[Any], x: Any, mask: Any, record: dict[str, Any], output: FolderOptions, json: bool
) -> None:
    from genlab.cli.looking import WIDTH, deliver, rows_of, tell

    kept = x * mask
    suffix = output.out.suffix if output.out is not None else ".png"
    if suffix == ".npz":
        path = deliver(run, "complete", output, frames[-1:], {"original": x, "mask": mask}, WIDTH)
    else:
        path = deliver(run, "complete", output, [rows_of([kept, frame, x]) for frame in frames], {}, WIDTH)
    tell({**record, "out": str(path)}, f"{record['n']} pictures, kept, completed, real: {path}", json)
