"""What each set of features makes of damaged pictures: the ladders by which features are tested before they may rank.

For each data set: the distance of every rung to the test split, by each set of features, whether these pass, and what they put
where it does not belong.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.common import report
from genlab.data import open
from genlab.features import candidates, features_for
from genlab.measure.ruler import Ruler, ruler_of
from genlab.runs.engine import Engine


def trials(data: Any) -> Iterator[tuple[str, Ruler, float]]:
    """(name, test, seconds of the test) of each set of features that may suit the data."""
    for choice in candidates(data):
        features = features_for(data, Engine("cpu"), choice=choice)
        assert features is not None
        began = time.perf_counter()
        ruler = ruler_of(features, data)
        yield choice, ruler, time.perf_counter() - began


def rows(name: str, data: Any) -> list[dict[str, Any]]:
    """A row for each damage, a column for each set of features."""
    found = list(trials(data))
    values = {choice: {mark.words: mark.value for mark in ruler.marks} for choice, ruler, _ in found}
    of = f"{name}, {data.count('validation'):,} / {data.count('test'):,}"
    order = [mark.words for mark in found[0][1].marks]
    table = [{"data": of, "damage": words, **{choice: values[choice][words] for choice in values}} for words in order]
    table.append({"data": of, "damage": "seconds", **{choice: round(spent, 1) for choice, _, spent in found}})
    table.append({"data": of, "damage": "passes", **{choice: "yes" if ruler.passed else "no" for choice, ruler, _ in found}})
    for choice, ruler, _ in found:
        for fault in ruler.faults:
            print(f"{name}: {choice} puts {fault}")
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="+", metavar="NAME=PATH", help="data sets, as genlab.open takes them")
    parser.add_argument("--json")
    asked = parser.parse_args(arguments)
    found = [row for each in asked.data for row in rows(each.partition("=")[0], open(each.partition("=")[2]))]
    report("rulers", found, asked.json, columns="validation / test pictures; kernel distance to the test split")


if __name__ == "__main__":
    main()
