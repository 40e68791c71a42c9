"""What benchmarks share: the machine's peak, operations of a step, medians, a table and its JSON."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from genlab.measure.operations import operations as operations

SPENT_ON = {  # by what the name of an operation contains; the first that fits
    "optimiser": ("adam",),
    "attention": ("attention",),
    "convolutions": ("conv",),
    "matrix products": ("mm", "bmm"),
    "normalisation and activation": ("norm", "silu", "addcmul", "mul", "sum"),
    "copying, joining, adding": ("cat", "copy", "add", "clone", "fill", "zero", "contiguous", "empty", "resize", "upsample"),
}


def peak(size: int = 2048, repeats: int = 5) -> float:
    """Operations a second of the fastest of a few large matrix products in float32, on the threads torch is using."""
    a, b = torch.randn(2, size, size)
    times = []
    for _ in range(repeats + 1):  # the first warms up
        since = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - since)
    return 2 * size**3 / min(times[1:])


def spent(step: Callable[[], object]) -> dict[str, float]:
    """Shares of a step's time, by what it is spent on."""
    with profile(activities=[ProfilerActivity.CPU]) as found:
        step()
    shares = dict.fromkeys([*SPENT_ON, "other"], 0.0)
    for event in found.key_averages():
        kind = next((kind for kind, words in SPENT_ON.items() if any(word in event.key.lower() for word in words)), "other")
        shares[kind] += event.self_cpu_time_total
    total = sum(shares.values())
    return {kind: round(value / total, 3) for kind, value in sorted(shares.items(), key=lambda item: -item[1])}


def in_turn(steps: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Seconds of every call when each is taken once in every round."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            since = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - since)
    return times


def middle(times: Sequence[float], skip: int = 3) -> float:
    """Median after the first few, which warm up."""
    return median(times[skip:] or times)


def report(title: str, rows: Sequence[Mapping[str, Any]], file: str | None, **facts: Any) -> None:
    """Print the rows as a table, and write them with date and machine where a file is named."""
    head = {
        "benchmark": title,
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}",
        **facts,
    }
    print("\n".join(f"{key}: {value}" for key, value in head.items()))
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([_cell(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(names))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
    if file:
        Path(file).write_text(json.dumps({**head, "rows": rows}, indent=1) + "\n", encoding="utf-8")


def _cell(value: Any) -> str:
    return (
        ""
        if value is None
        else f"{value:.4g}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )
