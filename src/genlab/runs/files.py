"""Files that are complete or absent: each is written under another name and then renamed. safetensors and JSON, no pickle."""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

METADATA = "genlab"  # the entry of a safetensors file that holds ours
LARGEST = 2**26  # bytes of JSON that are read: what genlab writes itself stays far below


class Steered(UserWarning):
    """A user chose by hand which moves took turns, so that training again will not repeat the run."""


class Damaged(UserWarning):
    """A file is not what genlab wrote; the message says what is used instead."""


# --- writing ---------------------------------------------------------------------------------------------------------


def write_beside(path: Path, write: Callable[[Path], object]) -> Path:
    """Call `write` on a temporary path in the same folder and return that path, its content flushed to disk.

    Where `write` fails, the temporary file is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    beside.unlink(missing_ok=True)  # of a process that is gone; or a link, laid to be written through
    try:
        write(beside)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    return beside


def being_written(beside: Path) -> bool:
    """Whether the process that writes a temporary file still runs; its number is part of the file's name."""
    try:
        os.kill(int(beside.name.split(".")[-2]), 0)
    except (ValueError, IndexError, ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def write_atomic(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` on a temporary path, then rename it to `path`. Where anything fails, `path` is what it was before."""
    beside = write_beside(path, write)
    try:
        replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def replace(beside: Path, path: Path) -> None:
    """Rename a temporary file to its path; ValueError where a folder has that name."""
    try:
        beside.replace(path)
    except IsADirectoryError:
        raise ValueError(f"{path} is a folder, and a file belongs there; move it elsewhere") from None


def write_json(path: Path, record: Any) -> None:
    write_atomic(path, json_writer(record))


def json_writer(record: Any) -> Callable[[Path], object]:
    text = json.dumps(json_safe(record), indent=1, ensure_ascii=False) + "\n"
    return lambda beside: beside.write_text(text, encoding="utf-8")


def json_safe(value: Any) -> Any:
    """The value with None for NaN and infinity, which JSON lacks."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): json_safe(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(inner) for inner in value]
    return value


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    write_atomic(path, tensor_writer(tensors, metadata))


def tensor_writer(tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> Callable[[Path], object]:
    """Writes a safetensors file with metadata as one JSON entry; several would be written in an order that varies."""
    from safetensors.torch import save_file

    words = {METADATA: json.dumps(json_safe(metadata), ensure_ascii=False)}

    def write(beside: Path) -> None:
        beside.touch()
        mode = stat.S_IMODE(beside.stat().st_mode)  # as all files of this user; safetensors lets nobody else read its own
        save_file(dict(tensors), beside, metadata=words)
        beside.chmod(mode)

    return write


# --- reading ---------------------------------------------------------------------------------------------------------


def read_json(path: Path, largest: int = LARGEST) -> Any:
    """The content of a JSON file; ValueError names a file that is damaged, no plain file, or larger than genlab writes any."""
    text = read_bytes(path, largest)
    try:
        return json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({' '.join(str(error).split())[:80]}); restore it from a copy") from None


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors on the CPU and the metadata; ValueError names a file that is not a whole safetensors file."""
    from safetensors import SafetensorError, safe_open

    plain(path)
    try:
        with safe_open(path, "pt") as file:
            metadata = _metadata(file)
            names = list(file.keys())
            return {name: file.get_tensor(name) for name in names}, metadata
    except (SafetensorError, ValueError, RecursionError, TypeError, OverflowError) as error:
        reason = " ".join(str(error).split())[:80]
        raise ValueError(
            f"{path} is damaged or no safetensors file ({reason}); restore it from a copy or train again"
        ) from None


def read_metadata(path: Path) -> dict[str, Any]:
    """The metadata of a safetensors file, without its tensors; ValueError names a file that is damaged."""
    from safetensors import SafetensorError, safe_open

    plain(path)
    try:
        with safe_open(path, "pt") as file:
            return _metadata(file)
    except (SafetensorError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged or no safetensors file ({error})") from None


def _metadata(file: Any) -> dict[str, Any]:
    found = json.loads((file.metadata() or {}).get(METADATA, "{}"))
    if not isinstance(found, dict):
        raise ValueError("its metadata are no record")
    return found


def plain(path: Path) -> os.stat_result:
    """`lstat` of a plain file; ValueError for links, pipes and devices, which may lead out of the folder."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"{path} is no plain file; a run holds no links, pipes or devices")
    return found


def within(folder: Path, name: str) -> Path:
    """The path of a file in a folder; ValueError where a folder on the way to it is a link."""
    way, path = folder, folder / name
    for part in Path(name).parts[:-1]:
        way /= part
        if way.is_symlink():
            raise ValueError(f"{way} is a link; a run holds no links, pipes or devices")
    return path


def read_bytes(path: Path, largest: int = LARGEST) -> bytes:
    """The content of a plain file; ValueError where it is none, or larger than genlab writes any."""
    if plain(path).st_size > largest:
        raise ValueError(f"{path} is larger than {largest:,} bytes: genlab wrote no such file")
    return path.read_bytes()


def size_and_digest(path: Path) -> list[Any]:
    """[length in bytes, SHA-256] of a plain file."""
    return [plain(path).st_size, checksum(path)]


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- records with a checksum of their own ----------------------------------------------------------------------------


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with a checksum of itself."""
    return {**record, "sha256": _seal(record)}


def unsealed(record: Any) -> dict[str, Any]:
    """The record without its checksum; ValueError where the checksum is not that of the record."""
    if not isinstance(record, dict):
        raise ValueError("no record")
    found = {key: value for key, value in record.items() if key != "sha256"}
    if record.get("sha256") != _seal(found):
        raise ValueError("its checksum is another")
    return found


def _seal(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
