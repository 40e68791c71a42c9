"""What a file is by its first bytes, whatever its name says: so that nothing is learnt as text that never was one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

HEAD = 1024  # bytes looked at


class Signature(NamedTuple):
    """A kind of file.

    what     "a PDF"
    remedy   what to do with it; "" for what a reader of genlab's takes, `reads` says by which suffix
    reads    the suffix whose reader takes it
    """

    what: str
    remedy: str = ""
    reads: str = ""


UNPACK = "unpack it and name the folder or file that comes out"
EXPORT = "export it as .csv and name that"
PICTURE = "name the folder it lies in, to learn from all its pictures"
PICTURES = "a picture ("  # how `what` begins of one that may be read
POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\s")
WEB = re.compile(rb"\s*(<\?xml[^>]*>\s*)?<(!doctype\s+html|html)\b", re.IGNORECASE)
SIGNATURES: tuple[tuple[int, bytes, Signature], ...] = (  # (offset, bytes there, what it is)
    (0, b"PAR1", Signature("a parquet file", reads=".parquet")),
    (0, b"\x93NUMPY", Signature("an array of numpy", reads=".npy")),
    (0, b"\x1f\x8b", Signature("a gzip archive", UNPACK)),
    (0, b"BZh", Signature("a bzip2 archive", UNPACK)),
    (0, b"\xfd7zXZ", Signature("an xz archive", UNPACK)),
    (0, b"\x28\xb5\x2f\xfd", Signature("a zstandard archive", UNPACK)),
    (0, b"7z\xbc\xaf\x27\x1c", Signature("a 7z archive", UNPACK)),
    (0, b"Rar!", Signature("a RAR archive", UNPACK)),
    (257, b"ustar", Signature("a tar archive", reads=".tar")),
    (128, b"DICM", Signature("a medical picture (DICOM)", "save its pixels as .png, or with numpy.savez(..., x=...)")),
    (0, b"8BPS", Signature("a picture of Photoshop", "export it as .png")),
    (0, b"MThd", Signature("notes for instruments (MIDI)", "write them as text, or record them as .wav")),
    (0, b"$FL2", Signature("an SPSS file", EXPORT)),
    (0, b"<stata_dta>", Signature("a Stata file", EXPORT)),
    (8, b'{"', Signature("a safetensors file", "save its tensors with numpy.savez(..., x=...)")),
    (0, b"{\\rtf", Signature("a formatted text (RTF)", "save it as plain text, .txt")),
    (0, b"%PDF", Signature("a PDF", "save its text as a .txt file, or its pages as pictures")),
    (0, b"\x89HDF", Signature("an HDF5 file", "save its arrays with numpy.savez(..., x=...)")),
    (0, b"MATLAB 5.0", Signature("a MATLAB file", "save its arrays with numpy.savez(..., x=...)")),
    (0, b"SQLite format 3", Signature("an SQLite database", EXPORT)),
    (0, b"\xd0\xcf\x11\xe0", Signature("an old Office document", EXPORT)),
    (0, b"ARROW1", Signature("an Arrow file", "save it as .parquet")),
    (0, b"\x89PNG", Signature("a picture (PNG)", PICTURE)),
    (0, b"\xff\xd8\xff", Signature("a picture (JPEG)", PICTURE)),
    (0, b"GIF8", Signature("a picture (GIF)", PICTURE)),
    (0, b"II*\0", Signature("a picture (TIFF)", PICTURE)),
    (0, b"MM\0*", Signature("a picture (TIFF)", PICTURE)),
    (0, b"\0\0\0\x0cjP  ", Signature("a picture (JPEG 2000)", PICTURE)),
    (8, b"WEBP", Signature("a picture (WebP)", PICTURE)),
    (4, b"ftypheic", Signature("a picture (HEIC)", PICTURE)),
    (4, b"ftypavif", Signature("a picture (AVIF)", PICTURE)),
    (4, b"ftyp", Signature("a video", "cut it into clips and name their folder")),
    (8, b"AVI ", Signature("a video", "cut it into clips and name their folder")),
    (0, b"\x1aE\xdf\xa3", Signature("a video", "cut it into clips and name their folder")),
    (8, b"WAVE", Signature("a recording", "name the folder it lies in")),
    (0, b"fLaC", Signature("a recording", "name the folder it lies in")),
    (0, b"OggS", Signature("a recording", "name the folder it lies in")),
    (0, b"ID3", Signature("a recording", "name the folder it lies in")),
    (0, b"\x80\x02", Signature("a pickle", "save its arrays with numpy.savez(..., x=...)")),
    (0, b"\x80\x03", Signature("a pickle", "save its arrays with numpy.savez(..., x=...)")),
    (0, b"\x80\x04", Signature("a pickle", "save its arrays with numpy.savez(..., x=...)")),
    (0, b"\x80\x05", Signature("a pickle", "save its arrays with numpy.savez(..., x=...)")),
)  # fmt: skip
ZIPS = {  # files that are zip archives inside, by suffix
    ".npz": Signature("arrays of numpy", reads=".npz"),
    ".xlsx": Signature("a spreadsheet", EXPORT), ".ods": Signature("a spreadsheet", EXPORT),
    ".docx": Signature("a Word document", "save its text as a .txt file"),
    ".odt": Signature("a text document", "save its text as a .txt file"),
    ".pptx": Signature("a presentation", "save its pages as pictures"),
    ".epub": Signature("a book", "save its text as a .txt file"),
    ".pt": Signature("a PyTorch file", "save its tensors with numpy.savez(..., x=...)"),
    ".pth": Signature("a PyTorch file", "save its tensors with numpy.savez(..., x=...)"),
    ".ckpt": Signature("a PyTorch file", "save its tensors with numpy.savez(..., x=...)"),
}  # fmt: skip


def signature(path: Path) -> Signature | None:
    """What a file is by its first bytes; None where they say nothing, as those of a text."""
    with path.open("rb") as file:
        return of_bytes(file.read(HEAD), path)


def of_bytes(head: bytes, path: Path = Path()) -> Signature | None:
    """What a file is that begins with these bytes. path: of the file, if it has one."""
    if POINTER.match(head):
        return Signature("a pointer of Git LFS, not the file itself", "fetch it: git lfs pull")
    if WEB.match(head):
        return Signature("a web page", "save its text as a .txt file, or what it leads to")
    if head.startswith(b"PK\x03\x04"):
        return ZIPS.get(path.suffix.lower(), Signature("a zip archive", reads=".zip"))
    found = next((each for offset, magic, each in SIGNATURES if head[offset : offset + len(magic)] == magic), None)
    if found is not None and found.what == "a gzip archive" and path.name.lower().endswith((".tar.gz", ".tgz")):
        return Signature("a tar archive", reads=".tar")
    return found
