"""Data sets of the Hugging Face hub, through `datasets`: hub:OWNER/NAME, or hub:OWNER/NAME:CONFIG."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from genlab.core.program import installing
from genlab.data.base import Opened
from genlab.data.options import Request
from genlab.data.parquet import SIDES, ParquetTable, from_tables

ROWS = 256
PATIENCE = 15  # seconds


def read(request: Request) -> Opened:
    name, _, config = request.source.removeprefix("hub:").partition(":")
    if name.count("/") != 1 or not all(name.split("/")):
        raise ValueError(f"{request.source}: a data set of the hub is called hub:OWNER/NAME, as hub:ylecun/mnist")
    found = _loaded(name, config or None)
    known = {"train", "test"} <= set(found)
    tables = [_table(split, part, known) for split, part in found.items() if not known or split in SIDES]
    return from_tables(request, tables, [[split, part._fingerprint] for split, part in found.items()])


def _loaded(name: str, config: str | None) -> Any:
    """The splits of a data set; ValueError in one sentence where it cannot be had."""
    try:
        from datasets import load_dataset
        from datasets.utils.logging import disable_progress_bar
        from huggingface_hub import HfApi
        from huggingface_hub.errors import OfflineModeIsEnabled
    except ImportError:
        raise ValueError(f"reading from the hub needs datasets: {installing('hub')}") from None
    disable_progress_bar()
    try:
        with contextlib.suppress(OfflineModeIsEnabled):  # then a copy downloaded earlier will do
            HfApi().dataset_info(name, timeout=PATIENCE)  # fails at once where load_dataset would try for half a minute
        return load_dataset(name, config)
    except Exception as error:  # of several libraries, without a common class
        reason = " ".join(str(error).split()).split(". ")[0][:200]
        raise ValueError(
            f"hub:{name} could not be had from huggingface.co ({type(error).__name__}: {reason}); check the name and the "
            "network, name a folder of its parquet files, or set HF_HUB_OFFLINE=1 to use a copy downloaded earlier"
        ) from None


def _table(split: str, part: Any, known: bool) -> ParquetTable:
    arrow = part.data.table
    features = part.features.arrow_schema  # carries the names of the classes

    def batches(columns: list[str]) -> Iterator[Any]:
        yield from part.with_format("arrow").data.table.select(columns).to_batches(ROWS)

    return ParquetTable(split, features, arrow.num_rows, batches, SIDES[split] if known else -1)
