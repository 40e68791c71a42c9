"""`genlab data`: what was read of data, and a sheet of examples; nothing is trained."""

from __future__ import annotations

import json as _json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from genlab.cli.options import OUTPUT, DataOptions, Json
from genlab.cli.progress import Progress
from genlab.data.options import Options

EXAMPLES = """Examples:
  genlab data my-pictures/
  genlab data my-pictures/ --size 64 --out preview.png
  genlab data points.csv --label species
  genlab data names.txt --lines"""


def data(
    data: Annotated[str, Parameter(help="A folder, a file, or something built in: `genlab list data`.")],
    /,
    *,
    out: Annotated[Path | None, Parameter(group=OUTPUT, help="Draw examples by class and split into this .png.")] = None,
    force: Annotated[bool, Parameter(group=OUTPUT, help="Replace the file.")] = False,
    options: DataOptions = Options(),  # noqa: B008
    json: Json = False,
) -> None:
    """Say what is read of data, before anything is learnt from it.

    Prints how many examples there are and of what size, classes and splits with their counts and where they come from, what
    is left out, and what looks odd.
    """
    if out is not None:
        if out.suffix.lower() != ".png":
            raise ValueError(f"--out {out}: the sheet is a picture; give it the suffix .png")
        if out.exists() and not force:
            raise ValueError(f"--out {out} is there already; choose another, or --force to replace it")
    from genlab.cli.opening import block, counted
    from genlab.data import open

    with Progress() as progress:
        with progress.task(f"reading {data}") as task:
            opened = open(data, **options.record(), progress=counted(task))
        if out is not None:
            from genlab.report import pictures, sheet
            from genlab.runs.files import write_atomic

            with progress.task("drawing the sheet"):
                made = pictures.png(sheet.sheet(opened))
            write_atomic(out, lambda beside: beside.write_bytes(made))
    if json:
        print(_json.dumps(opened.describe() | {"out": out and str(out)}))
        return
    print(block(opened))
    if out is not None:
        print(f"{'sheet':<12}{out}")
