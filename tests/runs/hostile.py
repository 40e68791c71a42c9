"""Folders of runs that somebody has tampered with: by accident, bit by bit, or on purpose, with checksums that fit."""

from __future__ import annotations

import json
import os
import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from genlab.runs.files import sealed, size_and_digest

NESTED: Any = []
for _ in range(3000):
    NESTED = [NESTED]
VALUES: list[Any] = [
    -1, 0, 1, 3, 2**31, 2**63, 10**30, -(10**30), 0.5, 1e308, -1e-308, True, None, "", "x", "../../../etc/passwd", "/dev/zero",
    "\x00", "9" * 5000, [], {}, [1, [2, [3]]], {"a": {}}, [10**6] * 3, [10**9] * 8, [0] * 1000, {"format": 1},
]  # fmt: skip


def tampered(source: Path, target: Path, seed: int) -> list[str]:
    """A copy of a run with one to four things wrong; what was done."""
    shutil.copytree(source, target)
    chance = random.Random(seed)
    done = [chance.choice(WAYS)(target, chance) for _ in range(chance.randint(1, 4))]
    if chance.random() < 0.6:
        done.append(forge(target))
    elif chance.random() < 0.3 and not (target / "manifest.json").is_dir():
        (target / "manifest.json").unlink(missing_ok=True)
        done.append("no manifest")
    return done


def forge(target: Path) -> str:
    """A manifest that vouches for whatever lies there."""
    path = target / "manifest.json"
    if path.is_symlink() or not path.is_file():
        return "forging failed"
    try:
        record = json.loads(path.read_text())
        record.pop("sha256", None)
        for name in record["files"]:
            record["files"][name] = [size_and_digest(target / name)]
        for entry in record["checkpoints"]:
            entry["bytes"], entry["sha256"] = size_and_digest(target / entry["file"])
        path.write_text(json.dumps(sealed(record)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "forging failed"
    return "forged"


def plain_files(target: Path, *suffixes: str) -> list[Path]:
    found = [path for path in sorted(target.rglob("*")) if path.is_file() and not path.is_symlink()]
    return [path for path in found if not suffixes or path.suffix in suffixes]


def some_file(target: Path, chance: random.Random, *suffixes: str) -> Path | None:
    found = plain_files(target, *suffixes)
    return chance.choice(found) if found else None


def on_bytes(change: Callable[[bytearray, random.Random], bytes]) -> Callable[[Path, random.Random], str]:
    def way(target: Path, chance: random.Random) -> str:
        path = some_file(target, chance)
        if path is None or not path.stat().st_size:
            return "nothing to change"
        path.write_bytes(change(bytearray(path.read_bytes()), chance))
        return f"{change.__name__} {path.name}"

    return way


def flipped(data: bytearray, chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 1, 3, 50))):
        data[chance.randrange(min(len(data), chance.choice((8, 200, len(data)))))] ^= 1 << chance.randrange(8)
    return bytes(data)


def shortened(data: bytearray, chance: random.Random) -> bytes:
    return bytes(data[: chance.randrange(len(data))])


def inserted(data: bytearray, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return bytes(data[:at]) + chance.randbytes(chance.randint(1, 40)) + bytes(data[at:])


def elsewhere(target: Path) -> Path:
    """A folder beside the run, of somebody's own; nothing in it is to be read or changed."""
    place = target.parent / "elsewhere"
    if not place.exists():
        place.mkdir()
        (place / "own").write_text("a secret\n" * 500)
    return place


def unharmed(target: Path) -> bool:
    return [(path.name, path.read_bytes()) for path in elsewhere(target).iterdir()] == [("own", b"a secret\n" * 500)]


def replaced(target: Path, chance: random.Random) -> str:
    """A file by a link, a pipe, a folder or nothing; or a folder, or what is only there meanwhile, by a link."""
    kind = chance.choice(("link", "zero", "pipe", "folder", "nothing", "linked folder", "linked lock"))
    if kind == "linked folder":
        inside = [path for path in sorted(target.rglob("*")) if path.is_dir() and not path.is_symlink()]
        path = chance.choice([*inside, target / "state", target / "broken"])
        if not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
            path.symlink_to(elsewhere(target))
        return f"{kind} {path.name}"
    if kind == "linked lock":
        path = target / ".lock"
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        path.symlink_to(elsewhere(target) / "own")
        return kind
    path = some_file(target, chance)
    if path is None:
        return "nothing to change"
    path.unlink()
    if kind in ("link", "zero"):
        path.symlink_to(elsewhere(target) / "own" if kind == "link" else "/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    return f"{path.name} is a {kind}"


def reworded(target: Path, chance: random.Random) -> str:
    """A value somewhere in a JSON file, or in a line of one."""
    path = some_file(target, chance, ".json", ".jsonl")
    if path is None:
        return "nothing to change"
    lines = path.read_text(errors="replace").splitlines() if path.suffix == ".jsonl" else [path.read_text(errors="replace")]
    number = chance.randrange(max(1, len(lines)))
    try:
        lines[number] = json.dumps(altered(json.loads(lines[number]), chance))
    except (ValueError, IndexError, RecursionError):
        return "nothing to change"
    path.write_text("\n".join(lines) + "\n")
    return f"reworded {path.name}"


def altered(value: Any, chance: random.Random) -> Any:
    """One entry, at any depth, is another value, or gone."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(sorted(value))
        if chance.random() < 0.1:
            return {name: inner for name, inner in value.items() if name != key}
        return {**value, key: altered(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        at = chance.randrange(len(value))
        return [*value[:at], altered(value[at], chance), *value[at + 1 :]]
    return chance.choice([*VALUES, NESTED])


def reheaded(target: Path, chance: random.Random) -> str:
    """The header of a safetensors file: its length, shapes, offsets, kinds or what genlab keeps there."""
    path = some_file(target, chance, ".safetensors")
    if path is None or path.stat().st_size < 16:
        return "nothing to change"
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    if chance.random() < 0.2:
        path.write_bytes(
            struct.pack("<Q", chance.choice((0, 1, length - 1, length + 8, 2**31, 2**40, 2**63)) % 2**64) + data[8:]
        )
        return f"length of {path.name}"
    try:
        header = json.loads(data[8 : 8 + length])
        if chance.random() < 0.4 and "__metadata__" in header:
            inner = json.loads(header["__metadata__"]["genlab"])
            header["__metadata__"]["genlab"] = json.dumps(altered(inner, chance))
        else:
            header = altered(header, chance)
        words = json.dumps(header).encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        return "nothing to change"
    words += b" " * (-len(words) % 8)
    path.write_bytes(struct.pack("<Q", len(words)) + words + data[8 + length :])
    return f"header of {path.name}"


WAYS: list[Callable[[Path, random.Random], str]] = [
    on_bytes(flipped), on_bytes(shortened), on_bytes(inserted), replaced, reworded, reworded, reworded, reheaded, reheaded,
]  # fmt: skip
