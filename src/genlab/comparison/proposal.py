"""What a comparison proposes where its budget is not named, and how long all of it takes, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import inf

from genlab.comparison import words
from genlab.comparison.eta import ETA
from genlab.comparison.options import CompareOptions
from genlab.comparison.rows import Record
from genlab.core.kinds import kind_of
from genlab.core.space import Space
from genlab.core.words import plural, word_list

# Seconds for each model by kind of data, and up to how many numbers of an example: what the default models need on two cores to
# make some hundred steps and to draw something that can be told from noise.
SECONDS: dict[str, tuple[tuple[float, float], ...]] = {
    "points": ((inf, 20.0),),  # small networks: thousands of steps
    "pictures": ((256.0, 30.0), (1024.0, 60.0), (inf, 90.0)),  # 16 x 16 grey; 32 x 32 grey; larger ones and colour
    "lines": ((inf, 60.0),),
    "text": ((inf, 60.0),),
    "sound": ((inf, 90.0),),
    "video": ((inf, 90.0),),
    "voxels": ((inf, 90.0),),
}
PREPARING = 20.0  # seconds in which features are tested on pictures that were not seen before


def seconds_for(space: Space) -> float:
    """Seconds of training for each model that suit such data."""
    return next(seconds for most, seconds in SECONDS[kind_of(space).name] if space.size <= most)


def plan(options: CompareOptions, space: Space, names: Sequence[str], record: Record | None) -> str:
    """What a comparison will do, and how long that takes in all: "vae and gan: 2 models × 90 s, about 5 min with measuring".

    record   of an earlier call: what it has measured is not done again
    """
    there = [] if record is None else [(row.name, row.seed) for row in record.rows]
    done = set() if record is None else {(row.name, row.seed) for row in record.rows if row.scores}
    runs = dict.fromkeys([*there, *((name, seed) for seed in range(options.seeds) for name in names)])
    todo = [run for run in runs if run not in done]
    if not todo:
        return "all of it is there: nothing is trained"
    rounds = Counter(seed for _, seed in todo)
    models, amount = list(dict.fromkeys(name for name, _ in todo)), options.more or options.amount
    budget = words.exact_seconds(amount) if options.unit == "seconds" else f"{words.count(amount)} {options.unit}"
    seeds = f" × {len(rounds)} seeds" if len(rounds) > 1 else ""
    work = f"{word_list(models)}: {plural(len(models), 'model')}{seeds} × {budget}{' more' if options.more else ''}"
    if options.unit != "seconds":
        return work
    eta = ETA()
    eta.begin(list(rounds.values()), amount)
    preparing = PREPARING if space.picture and record is None else 0.0
    most = "at most " if there and not options.more else ""
    return f"{work}, {most}about {words.exact_seconds(rounded(eta.left() + preparing))} with measuring"


def rounded(seconds: float) -> float:
    """A guess, no more exact than it is: to 5 s, half minutes, minutes."""
    step = 5 if seconds < 90 else 30 if seconds < 300 else 60
    return step * max(1, round(seconds / step))
