"""What the names of files say: fields by a pattern, and the pattern that would read classes where nothing else does.

{label}_{index}          cat_001, american_bulldog_12; an index or a number is digits, and is no condition
{label}_{speaker}_{_}    0_jackson_12; each other field is a condition, `_` is passed over
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from genlab.data import splits

FIELD = re.compile(r"\{([A-Za-z_]\w*)\}")
IGNORED = re.compile(r"_|index|number|take|id")  # fields of a pattern that are no conditions
DIGITS = ("index", "number")  # fields that are whole numbers
WORD, NUMBERED = re.compile(r"[^\W\d]+\d*"), re.compile(r"\d{1,3}")  # that may name a class
BEFORE_NUMBER = re.compile(r"(.*[^\W\d_])([\W_]*)\d+")
EACH = 3  # examples of a class, on average, from which on words that names begin with are offered as classes


def fields(pattern: str, names: Sequence[str], own: np.ndarray | None = None) -> dict[str, list[str]]:
    """What the names say, field by field; ValueError for a name that does not fit.

    own   (N,) the split of each; "" is what the names of a split say of which none fits, as of a test without labels
    """
    keys, between = FIELD.findall(pattern), FIELD.split(pattern)[::2]
    named = [key for key in keys if key != "_"]
    if not named or len(set(named)) < len(named):
        raise ValueError(f'--pattern {pattern}: write the fields in braces, each once, as "{{label}}_{{speaker}}_{{index}}"')
    groups = [_group(key) + re.escape(part) for key, part in zip(keys, between[1:], strict=True)]
    whole = re.compile(re.escape(between[0]) + "".join(groups))
    found = [whole.fullmatch(PurePosixPath(name).stem) for name in names]
    sides = np.full(len(names), splits.TRAIN) if own is None else own
    fitting = {side for side, match in zip(sides.tolist(), found, strict=True) if match is not None}
    for name, match, side in zip(names, found, sides.tolist(), strict=True):
        if match is None and (side in fitting or not fitting):
            raise ValueError(f"--pattern {pattern} does not fit {name}; write the pattern of all names, without their suffix")
    return {key: [match[key] if match else "" for match in found] for key in named if not IGNORED.fullmatch(key)}


def _group(key: str) -> str:
    if key == "_":
        return ".+?"
    return f"(?P<{key}>{r'[0-9]+' if key in DIGITS else '.+?'})"


def offered(names: Sequence[str], own: np.ndarray | None = None) -> str:
    """The pattern that reads classes from the names of the training examples, with an example; "" where they hold none."""
    stems = [PurePosixPath(name).stem for name, side in zip(names, _sides(names, own), strict=True) if side == splits.TRAIN]
    pattern = _by_parts(stems) or _before_numbers(stems)
    return f'--pattern "{pattern}" reads them from names like {stems[0]}' if pattern else ""


def _sides(names: Sequence[str], own: np.ndarray | None) -> list[int]:
    return [splits.TRAIN] * len(names) if own is None else own.tolist()


def _by_parts(stems: Sequence[str]) -> str:
    """A pattern of names that have the same marks between as many parts, of which one repeats: the first such is the label."""
    cut = [re.split(r"([\W_]+)", stem) for stem in stems]
    if len({tuple(parts[1::2]) for parts in cut}) != 1 or len(cut[0]) == 1:
        return ""
    columns = [list(column) for column in zip(*cut, strict=True)]
    label = next((place for place in range(0, len(columns), 2) if _names_classes(columns[place], first=not place)), None)
    if label is None:
        return ""
    said = {place: "{_}" if len(set(column)) > 1 else column[0] for place, column in enumerate(columns)}
    numbered = [place for place in said if said[place] == "{_}" and all(map(str.isdecimal, columns[place]))]
    said |= dict.fromkeys(numbered[-1:], "{index}") | {label: "{label}"}
    return "".join(said.values())


def _before_numbers(stems: Sequence[str]) -> str:
    """A pattern of names that end in a number, behind as many words as there may be: cat12, american_bulldog_12."""
    found = [BEFORE_NUMBER.fullmatch(stem) for stem in stems]
    if not all(found) or len({match[2] for match in found if match}) != 1:
        return ""
    between = next(match[2] for match in found if match)
    return f"{{label}}{between}{{index}}" if _repeats([match[1] for match in found if match]) else ""


def _names_classes(column: Sequence[str], first: bool) -> bool:
    """Whether a part of all names may be the class: a word, or in the first place a small number."""
    return _repeats(column) and (all(map(WORD.fullmatch, column)) or (first and all(map(NUMBERED.fullmatch, column))))


def _repeats(column: Sequence[str]) -> bool:
    return 1 < len(set(column)) <= len(column) / EACH
