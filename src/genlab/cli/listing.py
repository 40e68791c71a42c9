"""`genlab list`: models, data or measures, a line each; or one of them."""

from __future__ import annotations

import difflib
import json as _json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from genlab.cli.options import DataOptions, Json
from genlab.core.kinds import KINDS
from genlab.core.program import called
from genlab.core.space import Space
from genlab.data.index import SOURCES, built_in
from genlab.data.options import Options
from genlab.recipes.index import MODELS, OWN, Entry, entry

EXAMPLES = """Examples:
  genlab list
  genlab list data
  genlab list measures
  genlab list vae
  genlab list vae points
  genlab list vae my-pictures/ --size 64"""

TYPICAL = {  # spaces whose defaults are shown where no data are named
    "pictures": Space((1, 28, 28), "CHW", "ordinal", 256),
    "text": Space((64,), "T", "token", 65),
    "lines": Space((16,), "T", "token", 27, end=26),
    "points": Space((2,), "D", "real", center=(0.0, 0.0), scale=(1.0, 1.0)),
    "sound": Space((1, 4096), "CT", "real", rate=16_000.0, center=(0.0,), scale=(0.1,)),
    "video": Space((8, 3, 16, 16), "FCHW", "ordinal", 256, rate=8.0),
    "voxels": Space((1, 16, 16, 16), "CDHW", "binary"),
}
CAPTION = Space((16,), "T", "token", 32, end=31)
BITS = Space((1, 8, 8), "CHW", "binary")
WIDE = 240  # columns of a line that no terminal folds


def list_(
    what: Annotated[
        str, Parameter(help="models, data or measures; the name of a model or of data; or a kind of data, as pictures.")
    ] = "models",
    data: Annotated[
        str | None, Parameter(name="DATA", help="After a model: show its defaults for these data, or for this kind of data.")
    ] = None,
    /,
    *,
    options: DataOptions = Options(),  # noqa: B008
    json: Json = False,
) -> None:
    """List models, data sets, measures, or the settings of a model."""
    kinds = [kind.name for kind in KINDS]
    if ".py:" in what:
        from genlab.api import registered

        what = registered(what)
    if what == "models":
        _show([row._asdict() for row in MODELS], _models, json)
    elif what == "data":
        _show([row._asdict() for row in SOURCES], _data, json)
    elif what == "measures":
        from genlab.measure.catalogue import MEASURES

        _show([row._asdict() for row in MEASURES], _measures, json)
    elif what in kinds:
        _show([row._asdict() for row in MODELS if what in row.kinds], _models, json)
    elif (source := built_in(what)) is not None:
        learnt = [row.name for row in MODELS if source.kind in row.kinds]
        _show({**source._asdict(), "models": learnt}, _source, json)
    else:
        _check(what, kinds)
        _list_model(entry(what), data, options, json)


def _list_model(row: Entry, data: str | None, options: Options, json: bool) -> None:
    from genlab.core.recipe import explained
    from genlab.recipes.make import recipe_for

    space, given, named = _space(row, data, options)
    settings = [setting._asdict() for setting in explained(recipe_for(row.name, space, given))]
    _show({**row._asdict(), "defaults for": named, "settings": settings}, _model, json)


def _check(what: str, kinds: Sequence[str]) -> None:
    """ValueError for a word that names nothing there is."""
    names = [row.name for row in (*MODELS, *OWN.values())]
    if what in names:
        return
    if Path(what).exists():
        raise ValueError(f"{what} is data of yours: {called()} data {what} says how it is read")
    known = [*names, "models", "data", "measures", *kinds, *(row.name for row in SOURCES)]
    near = difflib.get_close_matches(what, known, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"{called()} list shows the models, {called()} list data the data"
    raise ValueError(f"there is no model, data set or kind of data called {what!r}; {hint}")


def _space(row: Entry, data: str | None, options: Options) -> tuple[Space, Mapping[str, Space], str]:
    """A space with its conditions, and what it is: of these data, of this kind, or of the first that the model learns (points
    last, as their defaults are small)."""
    if data is not None and data not in TYPICAL:
        from genlab.data import open

        source: Any = open(data, **options.record())
        return source.space, source.given, data
    from genlab.recipes.make import recipe_for

    kinds = [data] if data is not None else sorted(row.kinds, key=lambda kind: kind == "points")
    for space in (TYPICAL[kinds[0]], BITS):
        given = {key: CAPTION if key == "text" else space for key in row.needs}
        try:
            recipe_for(row.name, space, given)
        except ValueError:
            if data is not None and kinds[0] not in row.kinds:
                raise
            continue
        return space, given, f"{kinds[0]} of shape {' × '.join(map(str, space.shape))}, {space.kind}"
    raise ValueError(f"{row.name} learns none of the data that are typical: name yours, {called()} list {row.name} DATA")


def _show(record: Any, draw: Any, json: bool) -> None:
    if json:
        print(_json.dumps(record, indent=1))
        return
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDE)
    for part in draw(record):
        console.print(part, markup=False) if isinstance(part, str) else console.print(part)


def _models(rows: list[dict[str, Any]]) -> Iterator[Any]:
    yield _listed(rows, {"model": "name", "family": "family", "idea": "idea", "paper": "paper"})
    yield f"\n{called()} list MODEL shows its settings; {called()} list data what there is to learn from."


def _data(rows: list[dict[str, Any]]) -> Iterator[Any]:
    yield _listed(rows, {"data": "name", "kind": "kind", "what it is": "about"})
    yield "\nYour own: a folder of pictures or MNIST's IDX files; .parquet, .npz, .npy, .csv, .txt (--lines); hub:OWNER/NAME."
    yield f"Options such as --pair, --degrade, --hide and --labelled change what is learnt: {called()} train --help."


def _measures(rows: list[dict[str, Any]]) -> Iterator[Any]:
    yield _listed(rows, {"measure": "name", "about": "question", "better": "better", "what it says": "says"})
    yield f"\nThe likelihood is a measure too. {called()} score RUN takes those that suit the data; docs/measures.md says more."


def _listed(rows: list[dict[str, Any]], columns: Mapping[str, str]) -> Any:
    """A table of records, their keys by the heads of its columns."""
    table = _table(*columns)
    for row in rows:
        table.add_row(*(row[key] for key in columns.values()))
    return table


def _source(record: dict[str, Any]) -> Iterator[Any]:
    yield f"{record['name']}: {record['about']} ({record['kind']})"
    yield f"licence: {record['licence']}"
    yield f"learnt by: {', '.join(record['models'])}\n"
    yield f"{called()} data {record['name']}       what is read of it"
    yield f"{called()} compare {record['name']}    which model suits it"


def _model(record: dict[str, Any]) -> Iterator[Any]:
    yield f"{record['name']}: {record['idea']}"
    yield f"{record['paper']}"
    can = ", ".join(record["can"]) or "nothing"
    yield f"likelihood: {record['likelihood']}; also: {can}; learns {', '.join(record['kinds'])}"
    needs = f" (needs {', '.join(record['needs'])})" if record["needs"] else ""
    yield f"conditions: {', '.join(record['uses']) or 'none'}{needs}\n"
    table = _table("setting", "default", "allowed values", "meaning")
    for row in record["settings"]:
        table.add_row(row["key"], str(row["default"]), row["needs"], row["about"])
    yield table
    name = record["name"]
    yield f"\nDefaults for {record['defaults for']}; for yours: {called()} list {name} DATA"
    yield f"Change one: {called()} train {name} DATA --set KEY=VALUE; for one of its moves alone: moves.NAME.rate=VALUE"


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        table.add_column(head, overflow="fold")
    return table
