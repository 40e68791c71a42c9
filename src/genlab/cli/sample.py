"""`genlab sample`: draw from a run."""

from __future__ import annotations

import json as _json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from genlab.cli.asked import given_of, own_options
from genlab.cli.options import OUTPUT, Best, FolderOptions, Json, MachineOptions, Option, Raw, Seed
from genlab.cli.progress import Progress
from genlab.core.kinds import kind_of

if TYPE_CHECKING:
    from genlab.api import Run

EXAMPLES = """Examples:
  genlab sample runs/digits-ddpm-1
  genlab sample runs/digits-ddpm-1 -n 16 --class 3 --out threes.png
  genlab sample runs/digits-ddpm-1 -n 36 --option steps=100 --out way.gif
  genlab sample runs/digits-vae-1 -n 1000 --out samples.npz
  genlab sample runs/measurements-vae-1 -n 1000 --out more.csv
  genlab sample runs/shakespeare-gpt-1 -n 1 --option length=1000 temperature=0.8"""

Klass = Annotated[str | None, Parameter(name="--class", help="Only this class, by number or name.")]
Given = Annotated[
    tuple[str, ...],
    Parameter(
        name="--given", consume_multiple=True, show_default=False, help='KEY=VALUE that the model is told, as text="a cat".'
    ),
]
Run_ = Annotated[str, Parameter(name="RUN", help="Folder of a run.")]
Count = Annotated[int | None, Parameter(name="-n", help="How many; 64, of a text 4.")]
Out = Annotated[
    FolderOptions,
    Parameter(
        group=OUTPUT,
        help="FILE.png, .npz (numbers in the data's units), .gif (the way there), .txt, .csv (points), .wav (sound), .npy "
        "(voxels), or DIR/ for one file a sample.",
    ),
]


def sample(
    run: Run_,
    /,
    *,
    n: Count = None,
    seed: Seed = 0,
    klass: Klass = None,
    given: Given = (),
    option: Option = (),
    raw: Raw = False,
    best: Best = False,
    exact: Annotated[bool, Parameter(help="Byte-identical samples whatever -n is (slower).")] = False,
    output: FolderOptions = FolderOptions(),  # noqa: B008
    machine: MachineOptions = MachineOptions(),  # noqa: B008
    json: Json = False,
) -> None:
    """Draw samples from a run.

    Its averaged weights are used where it has them. --out FILE.png, .gif (the frames on the way), .npz (x in the data's units,
    and what was given), .txt, .csv of points, or a folder for one file a sample. Without it text goes to stdout, everything
    else into the run's own folder samples/.
    """
    machine.apply()
    from genlab.api import CHUNK, load
    from genlab.cli import saving
    from genlab.cli.looking import texts_of

    loaded = load(run, machine.device)
    count = n if n is not None else kind_of(loaded.space).sampled
    out = output.out or _own_place(loaded, seed)
    if out is not None:
        saving.check(out, loaded.space, output.force)
        if out.suffix == ".gif" and (count > CHUNK or exact):
            raise ValueError(f"a .gif shows at most {CHUNK} samples on their way, without --exact; got -n {count}")
    settings = {**own_options(loaded.model(not raw, best).sample, option), "averaged": not raw, "best": best, "exact": exact}
    with Progress() as progress, progress.task(f"drawing {count:,}"):
        labels = loaded.labels(count, seed, given_of(klass, given))
        frames = _kept(loaded.frames(count, seed, labels, **settings), out)
    texts = texts_of(loaded, frames[-1]) if loaded.space.text else None
    told, names = _named(loaded, labels) if out is not None and out.suffix == ".csv" else (labels, ())
    written = saving.write(out, frames, loaded.space, told, texts=texts, names=names) if out is not None else None
    weights = "best" if best else "averaged" if loaded.averaged and not raw else "raw"
    _say(loaded, texts or (), {"run": run, "n": count, "seed": seed, "weights": weights}, written, json)


def _named(run: Run, labels: Mapping[str, Any]) -> tuple[Mapping[str, Any], Sequence[str]]:
    """Labels by their names, and the names of the columns of the table that it learnt from."""
    from genlab.runs.shapes import fits

    columns = run.head["data"].get("columns")
    classes = run.given["label"].names if "label" in run.given else ()
    told = {key: [str(classes[label]) if classes else label for label in value.tolist()] for key, value in labels.items()}
    return told, columns if fits(columns, [str]) else ()


def _own_place(run: Run, seed: int) -> Path | None:
    """Where samples go by default; None is stdout."""
    from genlab.runs.files import within

    return None if run.space.text else within(run.path, f"samples/seed-{seed}{kind_of(run.space).suffixes[0]}")


def _kept(frames: Any, out: Path | None) -> list[Any]:
    """All frames for a .gif, otherwise only the last."""
    if out is not None and out.suffix == ".gif":
        return list(frames)
    last = None
    for frame in frames:
        last = frame
    return [last]


def _say(run: Run, texts: Sequence[str], record: dict[str, Any], written: Path | None, json: bool) -> None:
    from genlab.cli.saving import text
    from genlab.report.pictures import visible

    if json:
        found = {"out": str(written)} if written is not None else {"texts": list(texts)}
        print(_json.dumps({**record, **found}, ensure_ascii=False))
        return
    if written is None:
        print(visible(text(texts, run.space)))
    else:
        print(f"{record['n']:,} samples, {record['weights']} weights, seed {record['seed']}: {written}")
