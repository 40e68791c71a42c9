"""Files that are whole or absent: written beside and renamed. safetensors and JSON only, no pickle."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

METADATA = "genlab"  # the entry of a safetensors file that holds ours


def write_atomic(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` on a path beside, then rename; whatever goes wrong, no part of a file stays behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(beside)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_json(path: Path, record: Any) -> None:
    text = json.dumps(finite(record), indent=1, ensure_ascii=False) + "\n"
    write_atomic(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def finite(value: Any) -> Any:
    """JSON has no NaN or infinity: they become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """A safetensors file whose metadata are JSON: one entry, since several would be written in an order that changes."""
    from safetensors.torch import save_file

    words = {METADATA: json.dumps(finite(metadata), ensure_ascii=False)}
    write_atomic(path, lambda beside: save_file(dict(tensors), beside, metadata=words))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors on the CPU and the metadata; ValueError names a file that is not a whole safetensors file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            metadata = json.loads((file.metadata() or {}).get(METADATA, "{}"))
            names = list(file.keys())
            return {name: file.get_tensor(name) for name in names}, metadata
    except (SafetensorError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is damaged or no safetensors file ({error}); restore it from a copy or train again") from None


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
