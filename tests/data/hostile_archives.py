"""Archives made to harm whoever reads them."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

from tests.data.hostile import GOOD, MB, Maker, gz_zeros, pictures, png, written


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], good: bool = True) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (*(pictures() if good else ()), *members):
            archive.writestr(name, content)
    return path


def tarred(path: Path, *members: tuple[str | tarfile.TarInfo, bytes], good: bool = True) -> Path:
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, content in (*(pictures() if good else ()), *members):
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            if info.isreg():
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def special(name: str, kind: bytes, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info, b""


def zip_link(name: str, to: str) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info, to.encode()


def tar_block(name: bytes, size: int | bytes, kind: bytes) -> bytes:
    """A header of a tar archive, its fields as they are given."""
    field = size if isinstance(size, bytes) else b"%011o\0" % size if 0 <= size < 8**11 else b"\x80" + size.to_bytes(11, "big")
    block = bytearray(name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + field + b"00000000000\0" + b" " * 8 + kind)
    block = block.ljust(257, b"\0") + b"ustar\x0000"
    block = bytearray(block.ljust(512, b"\0"))
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def with_block(path: Path, *blocks: bytes) -> Path:
    """An archive of good pictures, and these blocks before its end."""
    tarred(path)
    whole = path.read_bytes().rstrip(b"\0")
    whole += bytes(-len(whole) % 512)
    path.write_bytes(whole + b"".join(blocks) + bytes(1024))
    return path


OUTSIDE = ("../up.png", "/etc/root.png", "C:\\drive.png", "..\\..\\back.png", "a/../../over.png", "\\\\server\\share\\x.png")


def lying_zip(path: Path, field: int, value: int, size: int = 4) -> Path:
    """The last member's field in the central directory says this."""
    whole = bytearray(zipped(path, ("liar.png", png(99))).read_bytes())
    at = whole.rindex(b"PK\x01\x02") + field
    whole[at : at + size] = value.to_bytes(size, "little")
    path.write_bytes(whole)
    return path


def cut(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def nested(path: Path, deep: int = 6) -> Path:
    """An archive of archives of archives, as 42.zip is."""
    content = zipped(path, ("0.dll", bytes(MB)), good=False).read_bytes()
    for level in range(deep):
        content = zipped(path, *((f"lib {level} {n}.zip", content) for n in range(16)), good=False).read_bytes()
    return path


def many(path: Path, count: int) -> Path:
    if path.suffix == ".zip":
        return zipped(path, *((f"n/{number}", b"") for number in range(count)))
    return tarred(path, *((f"n/{number}", b"") for number in range(count)))


ARCHIVES: dict[str, Maker] = {
    "outside zip": lambda at: zipped(at / "x.zip", *((name, png(100 + n)) for n, name in enumerate(OUTSIDE))),
    "outside tar": lambda at: tarred(at / "x.tar", *((name, png(100 + n)) for n, name in enumerate(OUTSIDE))),
    "links zip": lambda at: zipped(at / "x.zip", zip_link("l.png", "/etc/passwd"), zip_link("m.png", "000.png")),
    "links tar": lambda at: tarred(
        at / "x.tar",
        special("s.png", tarfile.SYMTYPE, "/etc/passwd"), special("h.png", tarfile.LNKTYPE, "../../secret.png"),
        special("i.png", tarfile.LNKTYPE, "000.png"), special("o.png", tarfile.SYMTYPE, "o.png"),
    ),
    "devices": lambda at: tarred(
        at / "x.tar", special("z.png", tarfile.CHRTYPE), special("b.png", tarfile.BLKTYPE), special("f.png", tarfile.FIFOTYPE)
    ),
    "twice zip": lambda at: zipped(at / "x.zip", ("000.png", png(200)), ("./000.png", png(201))),
    "twice tar": lambda at: tarred(at / "x.tar", ("000.png", png(200)), ("./000.png", png(201))),
    "bytes tar": lambda at: tarred(at / "x.tar", (os.fsdecode(b"gr\xfc\xdfe.png"), png(200))),
    "nul zip": lambda at: zipped(at / "x.zip", ("a\0b.png", png(200)), ("\x1b[31m\n.png", png(201))),
    "long name": lambda at: zipped(at / "x.zip", ("d/" * 20_000 + "x.png", png(200)), ("n" * 60_000 + ".png", png(201))),
    "locked": lambda at: lying_zip(at / "x.zip", 8, 1, 2),
    "crc": lambda at: lying_zip(at / "x.zip", 16, 1),
    "method": lambda at: lying_zip(at / "x.zip", 10, 77, 2),
    "packed size": lambda at: lying_zip(at / "x.zip", 20, 2**31),
    "true size": lambda at: lying_zip(at / "x.zip", 24, 2**31),
    "small size": lambda at: lying_zip(at / "x.zip", 24, 10),
    "offset": lambda at: lying_zip(at / "x.zip", 42, 2**30),
    "cut zip": lambda at: cut(zipped(at / "x.zip"), 0.9),
    "cut tar": lambda at: cut(tarred(at / "x.tar"), 0.5),
    "cut tgz": lambda at: cut(tarred(at / "x.tgz"), 0.7),
    "nested": lambda at: nested(at / "x.zip", 3),
    "picture bomb zip": lambda at: zipped(at / "x.zip", *((f"b{n}.png", bytes(60 * MB)) for n in range(3))),
    "big bomb zip": lambda at: zipped(at / "x.zip", ("b.bin", bytes(300 * MB))),
    "picture bomb tgz": lambda at: tarred(at / "x.tgz", ("b.png", bytes(300 * MB))),
    "many empty zip": lambda at: many(at / "x.zip", 100_000),
    "many empty tar": lambda at: many(at / "x.tgz", 100_000),
    "tar size": lambda at: with_block(at / "x.tar", tar_block(b"l.png", 2**40, b"0")),
    "tar negative": lambda at: with_block(at / "x.tar", tar_block(b"l.png", b"\xff" * 12, b"0")),
    "tar long name": lambda at: with_block(at / "x.tar", tar_block(b"././@LongLink", 2**34, b"L")),
    "tar pax": lambda at: with_block(at / "x.tar", tar_block(b"p", 2**34, b"x")),
    "tar pax size": lambda at: with_block(
        at / "x.tar", tar_block(b"p", 24, b"x"), b"24 size=99999999999999\n".ljust(512, b"\0"), tar_block(b"l.png", 0, b"0")
    ),
    "tgz long name": lambda at: gz_zeros(at / "x.tgz", 300 * MB, tar_block(b"././@LongLink", 250 * MB, b"L")),
    "tgz zeros": lambda at: gz_zeros(at / "x.tgz", 300 * MB, tar_block(b"x.bin", 250 * MB, b"0")),
    "sparse": lambda at: with_block(
        at / "x.tar", tar_block(b"GNUSparse", 30, b"x"), b"30 GNU.sparse.size=99999999999\n".ljust(512, b"\0"),
        tar_block(b"s.png", 0, b"S")[:386] + b"0" * 96 + b"\0" + b"%011o\0" % (2**32) + bytes(17),
    ),
    "text bomb": lambda at: zipped(at / "x.zip", *((f"{n:03}.txt", bytes(64 * MB)) for n in range(GOOD))),
    "captions of zeros": lambda at: zipped(at / "x.zip", *((f"{n:03}.txt", b"\xff\0\x1b[2J") for n in range(GOOD))),
    "long captions": lambda at: zipped(at / "x.zip", *((f"{n:03}.txt", b"x y " * (MB // 4 + 1)) for n in range(GOOD))),
    "not a zip": lambda at: written(at / "x.zip", b"PK\x05\x06" + bytes(18)),
    "head of zip": lambda at: written(at / "x.zip", b"PK\x03\x04" + bytes(100)),
}  # fmt: skip
