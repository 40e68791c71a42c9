"""`genlab sample`: draw from a run."""

from __future__ import annotations

import json as _json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from genlab.cli.options import OUTPUT, Best, FolderOptions, Json, Raw, RunOptions, SamplingOptions, Seed, own
from genlab.cli.progress import Progress
from genlab.cli.terminal import showable
from genlab.core.kinds import kind_of
from genlab.core.words import plural

if TYPE_CHECKING:
    from genlab.api import Run

REAL = 5000  # real points drawn behind samples

EXAMPLES = """Examples:
  genlab sample runs/digits-ddpm-1
  genlab sample runs/digits-ddpm-1 -n 16 --class 3 --out threes.png
  genlab sample runs/digits-ddpm-1 -n 36 --option sampling_steps=100 --out way.gif
  genlab sample runs/emoji-gpt-1 --given text="a red heart" --out hearts.png
  genlab sample runs/digits-vae-1 -n 1000 --out samples.npz
  genlab sample runs/measurements-vae-1 -n 1000 --out more.csv
  genlab sample runs/shakespeare-gpt-1 -n 1 --option length=1000 temperature=0.8"""

Run_ = Annotated[str, Parameter(name="RUN", help="Folder of a run.")]
Count = Annotated[int | None, Parameter(name="-n", help="How many; default: 64; of texts 4; of sound, video and voxels 16.")]
Out = Annotated[
    FolderOptions,
    Parameter(
        group=OUTPUT,
        help="FILE.png, .npz (numbers in the data's units), .gif (the way there; of video the clips), .txt, .csv (points), "
        ".wav (sound), .npy (voxels), or DIR/ for one file a sample.",
    ),
]


def sample(
    run: Run_,
    /,
    *,
    n: Count = None,
    seed: Seed = 0,
    sampling: SamplingOptions = SamplingOptions(),  # noqa: B008
    raw: Raw = False,
    best: Best = False,
    exact: Annotated[bool, Parameter(help="Byte-identical samples whatever -n is (slower).")] = False,
    output: FolderOptions = FolderOptions(),  # noqa: B008
    machine: RunOptions = RunOptions(),  # noqa: B008
    json: Json = False,
) -> None:
    """Draw samples from a run.

    Its averaged weights are used where it has them. Conditions that you do not ask for are filled in: classes as often as they
    occur, texts and pictures from validation examples.

    --out FILE.png, .gif (the frames on the way), .npz (x in the data's units, and what was given), .txt, .csv of points, or a
    folder for one file a sample. Without it text goes to stdout, everything else into the run's own folder samples/.
    """
    from genlab.api import CHUNK
    from genlab.cli.opening import said
    from genlab.report import saving
    from genlab.report.pictures import drawing

    loaded = machine.load(run)
    count = n if n is not None else kind_of(loaded.space).sampled
    out = output.out or _default_path(loaded, seed)
    if out is not None:
        saving.check_output(out, loaded.space, output.force)
        if saving.shows_way(out, loaded.space) and (count > CHUNK or exact):
            raise ValueError(f"a .gif shows at most {CHUNK} samples on their way, without --exact; got -n {count}")
    settings = {
        **own(loaded.model(not raw, best).sample, sampling.option),
        "averaged": not raw,
        "best": best,
        "exact": exact,
    }
    real, title = None, ""
    with Progress() as progress:
        opened: list[Any] = []
        loaded.once_opened = lambda data: opened.append(said(data, progress)) or data
        with progress.task(f"drawing {count:,}"):
            given = loaded.conditions(count, seed, sampling.conditions()).given
            frames = _shown(loaded.frames(count, seed, given, **settings), saving.shows_way(out, loaded.space))
        if out is not None and out.suffix == ".png" and drawing(loaded.space).layout == "framed":
            real, title = _behind(loaded, count, opened, progress)
    texts = loaded.texts(frames[-1]) if loaded.space.text else None
    given, names = _named(loaded, given, out.suffix) if out is not None else (given, ())
    samples = saving.Samples(frames, loaded.space, given, texts=texts, names=names, real=real, title=title)
    written = saving.write(out, samples) if out is not None else None
    weights = "best" if best else "averaged" if loaded.averaged and not raw else "raw"
    _print(loaded, texts or (), {"run": run, "n": count, "seed": seed, "weights": weights}, written, json)


def _named(run: Run, given: Mapping[str, Any], suffix: str) -> tuple[Mapping[str, Any], Sequence[str]]:
    """(conditions as a file of this suffix holds them, names of the columns of the table that the run learnt from).

    A table has labels by their names. Beside the numbers of arrays stand the names of the classes, and captions are words.
    """
    import numpy as np

    from genlab.cli.looking import columns_of
    from genlab.core.conditions import label_name
    from genlab.core.space import label_of

    if suffix == ".npz":
        words = {key: np.array(run.tokenizer(key).decode(given[key])) for key in given if run.given[key].text}
        if (label := label_of(run.given)) in given and run.given[label].names:
            words["names"] = np.array([str(name) for name in run.given[label].names])
        for key, space in run.given.items():
            if key in given and len(space.shape) > 1:  # as a picture to start from
                words |= {f"{key}_axes": np.array(f"N{space.axes}"), f"{key}_levels": np.array(space.levels)}
        return {**given, **words}, ()
    if suffix != ".csv":
        return given, columns_of(run)
    title = run.head["data"].get("overview", {}).get("label_column")
    labels = {key: run.given[key] for key in given if not run.given[key].shape}
    names = {key: [label_name(number, space) for number in given[key].tolist()] for key, space in labels.items()}
    if isinstance(title, str) and title and "label" in names:
        names = {(title if key == "label" else key): values for key, values in names.items()}
    return names, columns_of(run)


def _behind(run: Run, count: int, opened: Sequence[Any], progress: Progress) -> tuple[Any, str]:
    """(points of the test split to be drawn behind samples, what is drawn); None for the points where there are no data now."""
    from genlab.cli.opening import reopened

    said = f"{plural(count, 'sample')} in blue"
    try:
        data = opened[0] if opened else reopened(run, progress)
    except (ValueError, OSError):
        if run.moved is not None:
            raise
        return None, f"{said}; the data of the run are not there any more"
    shown, there = min(REAL, data.count("test")), data.count("test")
    return data.once("test", 0, shown).x, f"{said}, in grey {shown:,} of {plural(there, 'test point')}"


def _default_path(run: Run, seed: int) -> Path | None:
    """The file that samples are written to by default; None for stdout."""
    from genlab.runs.files import within

    return None if run.space.text else within(run.path, f"samples/seed-{seed}{kind_of(run.space).suffixes[0]}")


def _shown(frames: Any, way: bool) -> list[Any]:
    """All frames where the way is shown, otherwise the last one alone."""
    if way:
        return list(frames)
    last = None
    for frame in frames:
        last = frame
    return [last]


def _print(run: Run, texts: Sequence[str], record: dict[str, Any], written: Path | None, json: bool) -> None:
    from genlab.report.pictures import visible
    from genlab.report.saving import text

    if json:
        result = {"out": str(written)} if written is not None else {"texts": list(texts)}
        print(_json.dumps({**record, **result}))
        return
    if written is None:
        shown = visible(text(texts, run.space))
        print(shown)
        if not showable(shown):
            print("characters that this terminal lacks are written as \\u....; --out FILE.txt keeps them", file=sys.stderr)
    else:
        print(f"{plural(record['n'], 'sample')}, {record['weights']} weights, seed {record['seed']}: {written}")
