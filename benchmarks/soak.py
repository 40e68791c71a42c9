"""Half an hour of the fastest recipe: memory flat, file handles flat, logs bounded.

    python -m benchmarks.soak --minutes 30

Looked at every few seconds after the first tenth: what the process holds may move by 2% up or down, open files by one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import report
from benchmarks.scoring import resident
from genlab.api import session
from genlab.core.recipe import Budget
from genlab.data import open
from genlab.watch import Watch

LOOKS = 200


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--model", default="gan")
    parser.add_argument("--data", default="points/ring")
    parser.add_argument("--json", help="write every look here")
    said, rows = parser.parse_args(arguments), []
    with tempfile.TemporaryDirectory() as place:
        made = session(said.model, open(said.data), Path(place) / "run", budget=Budget(seconds=60 * said.minutes))
        watch = Watch(made, None, share=0.1)
        for tick in made:
            watch.on_tick(tick)
            if tick.closes and tick.progress * LOOKS >= len(rows):
                size = sum(path.stat().st_size for path in made.folder.path.rglob("*") if path.is_file())
                row = {"progress": tick.progress, "steps": tick.step, "MB held": resident() / 1e6}
                rows.append({**row, "open files": len(list(Path("/proc/self/fd").iterdir())), "MB on disk": size / 1e6})
    settled = rows[LOOKS // 10 :]
    low, high = (edge(row["MB held"] for row in settled) for edge in (min, max))
    files = {row["open files"] for row in settled}
    report("soak", rows[:: LOOKS // 10] + rows[-1:], said.json, looks=len(rows))
    swing = (high - low) / (high + low)
    print(f"memory {low:.1f} to {high:.1f} MB (plus or minus {swing:.2%}), open files {sorted(files)}, "
          f"on disk {settled[-1]['MB on disk']:.2f} MB after {rows[-1]['steps']:,} steps")  # fmt: skip
    sys.exit(swing > 0.02 or max(files) - min(files) > 1)


if __name__ == "__main__":
    main()
