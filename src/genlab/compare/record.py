"""Records that are read back, as the room's docstring describes them; each is believed only as far as it fits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genlab.runs.files import read_bytes, read_json, within
from genlab.runs.shapes import ALARM, CHECKUP, NUMBER, OPTIONAL, SCORE, shaped

LARGEST_PICTURE = 2**24  # bytes of a PNG file, as alarms keep them
LIKELIHOOD = {
    "claim": str,
    "how": str,
    "given?": [str],
    "bits_per_dim?": OPTIONAL,
    "nats_per_character?": OPTIONAL,
    "nats?": OPTIONAL,
    "low?": OPTIONAL,
    "high?": OPTIONAL,
    "error?": OPTIONAL,
    "split?": str,
    "examples?": int,
    "of?": int,
    "note?": str,
}
MEASURED = {
    "likelihood": (LIKELIHOOD, type(None)),
    "sample_seconds_per_100": OPTIONAL,
    "scores": {str: SCORE},
    "speed?": {
        "first_seconds": OPTIONAL,
        "per_second_1": OPTIONAL,
        "per_second_64": OPTIONAL,
        "peak_bytes": OPTIONAL,
        "operations": OPTIONAL,
    },
}
SCORED = {**MEASURED, "split": str, "seed": int, "weights": str, "examples_seen?": int}
MODEL = {
    **MEASURED,
    "name": str,
    "family": str,
    "run": str,
    "seed": int,
    "parameters": OPTIONAL,
    "train_seconds": OPTIONAL,
    "examples_seen": OPTIONAL,
    "train_operations?": OPTIONAL,
    "quality?": [CHECKUP],
    "alarms?": [ALARM],
    "load?": {"mean": OPTIONAL, "max": OPTIONAL},
    "error?": str,
    "stopped?": bool,
}
COMPARISON = {
    "data": {"fingerprint": str, "source": str},
    "budget": {
        "seconds?": NUMBER,
        "examples?": NUMBER,
        "operations?": NUMBER,
        "samples": (int, type(None)),
        "features?": str,
    },
    "models": [MODEL],
    "beside": [{"name": str, "what": str, "scores": {str: SCORE}}],
}


def comparison(file: Path) -> dict[str, Any]:
    """report.json; ValueError or OSError where it is no such record."""
    record = shaped(read_json(file), COMPARISON, file)
    return {**record, "models": [_known(row, MODEL) for row in record["models"]]}


def scores(run: Path) -> dict[str, Any]:
    """What a run was found to score, its scores.json; nothing where it was not scored. ValueError names a damaged file."""
    file = run / "scores.json"
    return _known(shaped(read_json(file), SCORED, file), SCORED) if file.exists() or file.is_symlink() else {}


def _known(record: Mapping[str, Any], pattern: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that a pattern names: nothing else of it is looked at."""
    names = {name.removesuffix("?") for name in pattern}
    return {name: value for name, value in record.items() if name in names}


def alarm_pictures(run: Path) -> Mapping[str, bytes]:
    """PNG files by kind of alarm."""
    place = within(run, "alarms/any.png").parent
    return {file.stem.replace("-", " "): read_bytes(file, LARGEST_PICTURE) for file in sorted(place.glob("*.png"))}
