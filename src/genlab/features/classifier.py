"""A small convolutional classifier, trained by `fit` on the data's own labels, whose last hidden layer gives the features.

It depends on the train split and a seed alone, so it is trained once for each data set and cached with its accuracy on the test
split, under the data's fingerprint.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu

from genlab.core.data import Data
from genlab.core.fit import Engine, fit
from genlab.core.model import Model
from genlab.core.moves import Descend, Now, Readings, Stage
from genlab.core.recipe import Budget, Optim, Recipe
from genlab.core.space import Batch, Space, label_of
from genlab.features.base import Features, cache, chunked, device_of, hash_of
from genlab.nets.conv import grids
from genlab.nets.units import centred

FORMAT = 2  # of the cached file; a change of network or training raises it
WIDTH, WIDEST = 24, 96  # channels: of the finest grid, of the coarsest
BATCH, EPOCHS, FEWEST, MOST = 64, 24, 300, 1500  # examples a step; passes over the data, within so many steps


class Classifier(nn.Module):
    """(B, C, H, W) in the data's units -> features (B, dims) -> logits (B, classes). It has stages, so `fit` can train it."""

    def __init__(self, space: Space, label: str, classes: int, dims: int):
        super().__init__()
        self.space, self.label = space, label
        self.trunk, outputs = trunk(*space.shape)
        self.features = nn.Linear(outputs, dims)
        self.head = nn.Linear(dims, classes)

    def hidden(self, x: Tensor) -> Tensor:
        return relu(self.features(self.trunk(centred(x, self.space))))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.hidden(x))

    def stages(self) -> Iterator[Stage]:
        yield Stage("classify", [Descend("classify", [self], self._loss)])

    def _loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        logits = self(batch.x)
        label = batch.given[self.label]
        labelled = (label >= 0).sum().clamp_min(1)  # -1 is "not said"
        right = (logits.argmax(1) == label).sum() / labelled
        return cross_entropy(logits, label, ignore_index=-1, reduction="sum") / labelled, {"accuracy": right}


def trunk(channels: int, height: int, width: int) -> tuple[nn.Sequential, int]:
    """Convolutions down to a grid of at most 4 x 4, flattened, and how many numbers come out.

    A picture is brought to at most 16 pixels a side in two steps before anything else, however large it is: at full size a
    convolution costs most and sees least.
    """
    sizes = grids(height, width)
    halvings = sum(max(size) > 16 for size in sizes)
    layers, wide = _block(channels, WIDTH, 2 ** max(halvings - 1, min(halvings, 1))), WIDTH
    if halvings > 1:
        layers += _block(wide, wide, 2)
    for _ in sizes[halvings + 1 :]:
        after = min(2 * wide, WIDEST)
        layers += [*_block(wide, wide, 1), *_block(wide, after, 2)]
        wide = after
    return nn.Sequential(*layers, nn.Flatten()), wide * sizes[-1][0] * sizes[-1][1]


def _block(before: int, after: int, stride: int) -> list[nn.Module]:
    """A stride of 2^k halves k times, rounding up; the kernel sees every pixel."""
    kernel = max(3, stride + 1)
    return [nn.Conv2d(before, after, kernel, stride, padding=kernel // 2), nn.GroupNorm(8, after), nn.ReLU()]


def classifier_features(
    data: Data, dims: int, engine: Engine, seed: int = 0, progress: Callable[[float], object] | None = None
) -> Features:
    """Features of the data's own classifier: read from the cache, or trained and put there.

    engine      what trains it where it has to be; also says the device
    progress    called with the share of the training done, 0..1
    """
    net = fresh(data, dims, seed)
    fingerprint = str(getattr(data, "fingerprint", ""))
    path = cache() / "features" / f"classifier-{FORMAT}-{fingerprint[:24]}-{dims}-{seed}.safetensors"
    record = _read(net, path) if fingerprint else None
    if record is None:
        record = _trained(net, data, engine, seed, progress)
        if fingerprint:
            _keep(net, record, path)
    net.to(engine.device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return _as_features(net, record, dims)


def fresh(data: Data, dims: int, seed: int) -> Classifier:
    """An untrained classifier of these data's classes: the same for the same seed, without touching the caller's randomness."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        label = label_of(data.given)
        return Classifier(data.space, label, data.given[label].levels, dims)


def _trained(
    net: Classifier, data: Data, engine: Engine, seed: int, progress: Callable[[float], object] | None
) -> dict[str, Any]:
    """Train for a number of steps that depends on the size of the train split; the record of its accuracy."""
    steps = min(MOST, max(FEWEST, EPOCHS * data.count("train") // BATCH))
    trained(net, data, engine, steps, seed, progress)
    correct, total, chance = tested(net, data)
    return {"steps": steps, "seed": seed, "test accuracy": round(correct / max(total, 1), 4), "chance": chance}


def trained(
    net: Classifier, data: Data, engine: Engine, steps: int, seed: int, progress: Callable[[float], object] | None
) -> None:
    """Train for so many steps on the train split; the classifier is left in eval mode."""
    rates = Optim(rate=3e-3, beta2=0.99, weight_decay=0.02, warmup=0.1, decay="cosine")
    recipe = Recipe("classifier", None, Budget(steps=steps), BATCH, rates, seed=seed)
    for tick in fit(cast(Model, net), data, recipe, engine):
        if progress is not None:
            progress(tick.progress)
    net.eval()


def tested(net: Classifier, data: Data) -> tuple[int, int, float]:
    """Accuracy on the labelled examples of the test split: how many are right, how many there are, and the share of the largest
    class, the accuracy of a constant answer."""
    correct, counts = 0, torch.zeros(data.given[net.label].levels, dtype=torch.long)
    for cursor in range(0, data.count("test"), 500):
        batch = data.once("test", cursor, 500)
        label = batch.given[net.label]
        correct += int((chunked(net, batch.x.to(device_of(net))).argmax(1) == label).sum())
        counts += torch.bincount(label[label >= 0], minlength=len(counts))
    total = int(counts.sum())
    return correct, total, round(int(counts.max()) / max(total, 1), 4)


def weakness(record: Mapping[str, Any]) -> dict[str, str]:
    """A `warning` where the classifier hardly knows its classes: below 1.5 times chance, or, where one class is most of the
    data, short of half the way from chance to certainty."""
    accuracy, chance = record["test accuracy"], record["chance"]
    if accuracy >= min(1.5 * chance, (1 + chance) / 2):
        return {}
    return {"warning": f"weak classifier: test accuracy {accuracy:.3g}, always saying the largest class gets {chance:.3g}"}


def _as_features(net: Classifier, record: Mapping[str, Any], dims: int) -> Features:
    net.eval().requires_grad_(False)
    weak = weakness(record)
    protocol = {
        "features": "last hidden layer of a classifier of the train split",
        "dims": dims,
        "preprocessing": "levels to [-1, 1], not resized",
        "weights hash": hash_of(net),
        "classifier": {**record, **weak},
        **weak,
    }
    device = device_of(net)

    def classify(x: Tensor) -> Tensor:
        return net(x.to(device)).softmax(1)

    return Features("classifier features", dims, lambda x: net.hidden(x.to(device)), protocol, classify, own_classes=True)


def _read(net: Classifier, path: Path) -> dict[str, Any] | None:
    """The record of cached weights, which are loaded; None where there are none, or where they are damaged."""
    try:
        with safe_open(path, "pt") as file:
            net.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
            return json.loads(file.metadata()["record"])
    except Exception:  # whatever is wrong with the file, training makes it again
        return None


def _keep(net: Classifier, record: Mapping[str, Any], path: Path) -> None:
    """Write the cache file, which is whole or absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.detach().cpu().contiguous() for name, value in net.state_dict().items()}
    beside = path.with_suffix(f".{hash_of(net)}.tmp")
    beside.write_bytes(save(tensors, {"record": json.dumps(record)}))
    beside.replace(path)
