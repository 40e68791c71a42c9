"""The reader of each format of a source. No torch here."""

from __future__ import annotations

PICTURES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".ppm")
SOUND = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aiff")
LATER = "genlab learns pictures, points and text today, sound comes later"

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
}
