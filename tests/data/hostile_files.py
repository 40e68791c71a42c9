"""Tables, texts and arrays made to harm whoever reads them."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np

from tests.data.hostile import MB, Maker, written


def npz(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def npy(header: str, content: bytes = b"", length: int | None = None) -> bytes:
    raw = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(raw) if length is None else length) + raw + content


def shaped(shape: object, kind: str = "|u1", content: bytes = b"") -> bytes:
    return npy(f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}", content)


def npz_bomb(path: Path, size: int) -> Path:
    """Pictures of zeros, a thousandth of their size on disk."""
    count = size // 4096
    head = shaped((count, 64, 64))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w", force_zip64=True) as member:
        member.write(head)
        for _ in range(0, size, MB):
            member.write(bytes(MB))
    return path


def objects() -> bytes:
    out = io.BytesIO()
    np.save(out, np.array([{"a": 1}, print], object), allow_pickle=True)
    return out.getvalue()


PLAIN = shaped((60, 8, 8), content=np.random.default_rng(0).integers(0, 256, 3840, np.uint8).tobytes())
NUMBERS = "a,b\n" + "\n".join(f"{n}.5,{n * n}.25" for n in range(100))
FILES: dict[str, Maker] = {
    "table wide": lambda at: written(at / "x.csv", (",".join(["1.5"] * 10**6) + "\n") * 3),
    "table wide header": lambda at: written(at / "x.csv", ",".join(map(str, range(10**6))) + "\n1,2\n" * 30),
    "table wide later": lambda at: written(at / "x.csv", NUMBERS + "\n" + "1," * 10**6),
    "table cell": lambda at: written(at / "x.csv", NUMBERS + "\n" + "9" * 100 * MB + ",1"),
    "table quoted": lambda at: written(at / "x.csv", NUMBERS + '\n"' + "x\n" * 10**6),
    "table numbers": lambda at: written(at / "x.csv", NUMBERS + "\n1e999,2\n" + "9" * 5000 + ",3"),
    "table nul": lambda at: written(at / "x.csv", NUMBERS + "\n\0,1"),
    "table digits": lambda at: written(at / "x.csv", "id,a\n" + "\n".join("9" * 5000 + f",{n}.5" for n in range(99))),
    "table superscript": lambda at: written(at / "x.csv", "id,a\n" + "\n".join(f"²,{n}.5" for n in range(99))),
    "table label names": lambda at: written(
        at / "x.csv", "a,label\n" + "\n".join(f"{n}.5,{'9' * 400 if n % 2 else '-'}" for n in range(99))
    ),
    "jsonl deep": lambda at: written(at / "x.jsonl", '{"text": "a"}\n' * 99 + "[" * 100_000),
    "jsonl int": lambda at: written(at / "x.jsonl", '{"text": "a"}\n' * 99 + '{"text": ' + "9" * 5000 + "}"),
    "jsonl surrogate": lambda at: written(at / "x.jsonl", '{"text": "some words \\ud800"}\n' * 999),
    "json deep": lambda at: written(at / "x.json", "[" * 100_000),
    "npz bomb": lambda at: npz_bomb(at / "x.npz", 2**28),
    "npz other bomb": lambda at: npz(at / "x.npz", x=PLAIN, junk=shaped((300 * MB,), content=bytes(300 * MB))),
    "npz lies": lambda at: npz(at / "x.npz", x=shaped((10**12,), "<f8")),
    "npz overflow": lambda at: npz(at / "x.npz", x=shaped((2**62, 2**62), "<f8")),
    "npz objects": lambda at: npz(at / "x.npz", x=objects()),
    "npz path": lambda at: npz(at / "x.npz", **{"../../x": PLAIN}),
    "npz label": lambda at: npz(at / "x.npz", x=PLAIN, label=objects()),
    "npz levels": lambda at: npz(at / "x.npz", x=PLAIN, levels=shaped((3,), content=b"abc")),
    "npz levels word": lambda at: npz(at / "x.npz", x=PLAIN, levels=shaped((), "<U1", b"a\0\0\0")),
    "npz axes": lambda at: npz(at / "x.npz", x=PLAIN, axes=shaped((), "<U3", "NNH".encode("utf-32-le"))),
    "npz rate": lambda at: npz(
        at / "x.npz", x=shaped((60, 64), content=bytes(3840)), axes=shaped((), "<U2", "NT".encode("utf-32-le")),
        rate=shaped((2,), "<f8", bytes(16)),
    ),
    "npz nan": lambda at: npz(at / "x.npz", x=shaped((60, 2), "<f8", b"\xff" * 960)),
    "npz names": lambda at: npz(at / "x.npz", x=PLAIN, label=shaped((60,), content=bytes(60)), names=shaped((2**40,), "<U1")),
    "npy lies": lambda at: written(at / "x.npy", shaped((10**12,), "<f8")),
    "npy short": lambda at: written(at / "x.npy", shaped((60, 8, 8), content=bytes(100))),
    "npy negative": lambda at: written(at / "x.npy", shaped((-1, 8, 8), content=bytes(3840))),
    "npy zero": lambda at: written(at / "x.npy", shaped((0, 8, 8))),
    "npy zero size": lambda at: written(at / "x.npy", shaped((10**9, 0, 8))),
    "npy scalar": lambda at: written(at / "x.npy", shaped((), content=b"a")),
    "npy words": lambda at: written(at / "x.npy", shaped((30, 2), "<U1", bytes(240))),
    "npy record": lambda at: written(
        at / "x.npy", npy("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (9,)}", bytes(36))
    ),
    "npy code": lambda at: written(
        at / "x.npy", npy("{'descr': __import__('os').system('true'), 'fortran_order': 0, 'shape': 0}")
    ),
    "npy deep": lambda at: written(at / "x.npy", b"\x93NUMPY\x02\0" + struct.pack("<I", 9000) + b"[" * 8999 + b"\n"),
    "npy header": lambda at: written(at / "x.npy", b"\x93NUMPY\x02\0" + struct.pack("<I", 2**32 - 1) + b"{"),
    "npy objects": lambda at: written(at / "x.npy", objects()),
    "npy complex": lambda at: written(at / "x.npy", shaped((60, 2), "<c16", bytes(1920))),
    "npy time": lambda at: written(at / "x.npy", shaped((60, 2), "<M8[s]", bytes(960))),
    "npy many dimensions": lambda at: written(at / "x.npy", shaped((1,) * 40, content=b"a")),
}  # fmt: skip
