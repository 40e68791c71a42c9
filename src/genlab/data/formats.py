"""The reader of each format of a source. No torch here."""

from __future__ import annotations

PICTURES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".jfif",
    ".webp",
    ".bmp",
    ".gif",
    ".tif",
    ".tiff",
    ".pgm",
    ".ppm",
    ".pbm",
    ".avif",
    ".jp2",
    ".tga",
)
HEIC = (".heic", ".heif")  # through a plug-in of Pillow, the extra heic
SOUND = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".aiff", ".aif", ".au", ".caf")
VIDEO = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")  # through PyAV, the extra video
ELSEWHERE = (".m4a", ".aac", ".wma")  # sound that soundfile does not read

BUILT_IN = {  # by what stands before the first "/" or ":"
    "digits": "genlab.data.digits:read",
    "points": "genlab.data.points:Points",
    "drawn": "genlab.data.shapes:read",
    "strings": "genlab.data.strings:Strings",
    "hub": "genlab.data.hub:read",
}
FOLDER = "genlab.data.folder:read"
TEXT = "genlab.data.text:read"  # of every file that has no reader of its own
FILES = {
    ".parquet": "genlab.data.parquet:read",
    ".npz": "genlab.data.arrays:read",
    ".npy": "genlab.data.arrays:read",
    ".csv": "genlab.data.table:read",
    ".tsv": "genlab.data.table:read",
    ".data": "genlab.data.table:read",
    ".dat": "genlab.data.table:read",
    ".jsonl": "genlab.data.text:read_rows",
    ".ndjson": "genlab.data.text:read_rows",
    ".zip": "genlab.data.archive:read",
    ".tar": "genlab.data.archive:read",
}


def suffix_of(name: str) -> str:
    """The suffix of a file's name in lower case, or "": of a hundred thousand names, for which Paths are slow."""
    return name[_end_of_stem(name) :].lower()


def stem_of(name: str) -> str:
    """A file's name without its suffix, with the folders before it."""
    return name[: _end_of_stem(name)]


def _end_of_stem(name: str) -> int:
    dot = name.rfind(".")
    return dot if dot > name.rfind("/") + 1 else len(name)  # a dot at the beginning hides a file, and parts nothing
