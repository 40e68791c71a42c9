"""Samples that a report shows, saved in the run's folder, so that a comparison that goes on does not draw them again."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from genlab.comparison.media import Media, Neighbour, alarm_pictures, readings
from genlab.core.kinds import kind_of
from genlab.core.space import Space
from genlab.runs.files import Damaged, read_tensors, within, write_tensors
from genlab.runs.shapes import fits

if TYPE_CHECKING:
    from torch import Tensor

    from genlab.api import Run
    from genlab.comparison.evaluate import Evaluated

COMPARED = "samples/compared.safetensors"
PARTS, RATED = ("sample", "train", "test"), ("ratio", "copied")


class SavedSamples:
    """The saved samples of a run: as many of the scored ones as a page shows, and those nearest to training examples."""

    def __init__(self, run: Run):
        self.run, self.file = run, within(run.path, COMPARED)

    def write(self, evaluated: Evaluated, space: Space) -> None:
        import torch

        tensors = {"x": evaluated.samples[: kind_of(space).compared].cpu().contiguous()}
        pairs = evaluated.neighbours
        if pairs:
            tensors |= {part: torch.stack([pair[part] for pair in pairs]).cpu() for part in PARTS}
            tensors |= {name: torch.tensor([pair[name] for pair in pairs]) for name in RATED}
        write_tensors(self.file, tensors, {"weights": evaluated.results.weights})

    def read(self) -> Mapping[str, Any]:
        """Arrays by name, and "weights": which ones they were drawn with. Empty, with a warning, where the file is damaged;
        empty where there is none."""
        if not self.file.exists():
            return {}
        try:
            tensors, about = read_tensors(self.file)
            self._check(tensors, about)
            return {**{name: value.numpy() for name, value in tensors.items()}, **about}
        except (ValueError, OSError) as error:
            reason = " ".join(str(error).split())
            warnings.warn(Damaged(f"the page shows no samples of {self.run.path}: {reason}"), stacklevel=2)
            return {}

    def _check(self, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
        """ValueError where these are no samples of its space, or no pairs."""
        from genlab.measure.evaluation import check_samples

        counts = {tuple(tensors[name].shape[:1]) for name in tensors if name != "x"}
        rates = [tensors[name] for name in RATED if name in tensors]
        named = set(tensors) in ({"x"}, {"x", *PARTS, *RATED}) and fits(about, {"weights": str})
        if not named or len(counts) > 1 or any(rate.ndim != 1 for rate in rates):
            raise ValueError(f"{self.file} is not what genlab writes; delete it")
        for name in {"x", *PARTS} & set(tensors):
            check_samples(tensors[name], self.run.space)


def media_of(run: Run, data: Any) -> Media:
    """Samples and curves of a measured run, for a page."""
    saved = SavedSamples(run).read()
    if not saved:
        return Media(curves=readings(run.ticks()))
    pairs = zip(*(saved[name] for name in (*PARTS, *RATED)), strict=True) if "ratio" in saved else ()
    neighbours = [Neighbour(a, b, c, float(ratio), bool(copied)) for a, b, c, ratio, copied in pairs]
    note = f"{saved['weights']} weights"
    return Media(texts(saved["x"], data), 0, readings(run.ticks()), note, neighbours, alarm_pictures(run.path))


def real_media(data: Any) -> Media:
    """Real examples spaced evenly over the test split: a source may be sorted by class."""
    from genlab.core.data import some
    from genlab.measure import concat_batches

    return Media(texts(concat_batches(some(data, "test", kind_of(data.space).real_shown))[0], data))


def texts(x: Any, data: Any) -> Any:
    """Tokens of a text decoded into strings; samples of any other kind unchanged."""
    if not data.space.text:
        return x
    import torch

    return data.tokenizers["x"].decode(torch.as_tensor(x))
