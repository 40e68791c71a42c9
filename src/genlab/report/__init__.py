"""What people look at: pictures of samples, training curves, the report of a comparison, the page of one run.

The record
----------
`write(folder, record, media)` writes `folder/report.json` (the record with its "verdicts" and "remarks") and
`folder/report.html` (one file, no network). The record is plain JSON; keys marked ? may be missing, everything else is needed:

    {"data": {"name": "digits",                    what a person calls it: the title
              "source"?: "digits",                 as it was given on the command line
              "space": Space.to_json(),            of one example; says how samples are drawn
              "given"?: {"label": Space.to_json()},
              "counts"?: {"train": 1437, "validation": 180, "test": 180},
              "skipped"?: [{"path": ..., "reason": ...}]},
     "budget": {"seconds" | "steps" | "examples" | "operations": 30, "seeds"?: 1,
                "order"?: "turns of 2 % of the budget each, all models of a seed in turn"},
     "models": [{"name", "family", "parameters", "train_seconds", "examples_seen",
                 "likelihood": null or {"bits_per_dim" | "nats_per_character" | "nats": VALUE, "claim", "how",
                                        "given"?: ["label"], its conditions,
                                        "low"?, "high"?: 95 %, or "error"?: standard error, in the same unit,
                                        "split"?: "test", "examples"?: 500, "of"?: 10000,
                                        "note"?: "binarised: threshold", how the data were changed},
                 "sample_seconds_per_100",
                 "scores": {NAME: {"value", "protocol": words or {key: value}, "better"?: "lower" | "higher",
                                   "low"?, "high"?: 95 %, or "error"?: standard error,
                                   "question"?: "quality" | "coverage" | "copying" | "labels" | "speed",
                                   "unit"?, "reason"?: why there is no value}},
                 "run",                            where its folder is, as the commands below should name it
                 "seed"?: 0,                       several seeds: one row for each, the same name in all
                 "space"?: Space.to_json(),        where models of several spaces stand together; they never compare
                 "speed"?: {"first_seconds", "per_second_1", "per_second_64", "peak_bytes", "operations": per sample},
                 "train_operations"?: number, "steps"?: 1200,
                 "quality"?: [{"progress": 0.1, "seconds": 3.1, "examples": 640, "n": 128, "scores": {NAME: {"value",
                               "low"?, "high"?, "better"}}}],    check-ups; the first score is the one that is drawn
                 "alarms"?: [{"kind": "collapse", "progress": 0.4, "seconds": 12.0, "sentence", "remedy",
                              "curve"?: name of a reading or of a check-up's score, "picture"?}],
                 "load"?: {"mean": 1.2, "max": 2.0}, of the machine while it trained; "paused"?, "stopped"?
                 "error"?: "why it stopped"}],     then every number may be null
     "beside"?: [{"name": "real data" | "noise", "what": one line, "scores": as a model's}],   what perfect and what
                                                   worthless samples score, as rows of the table
     "pending"?: ["vae-seed-1"],               runs that are asked for and not measured yet
     "command"?: "genlab compare digits --seconds 30",
     "versions"?: {"genlab": "0.1.0", "torch": "2.13.0"},
     "machine"?: "2 cores of an Intel Xeon, no GPU",
     "written"?: "2025-11-01 12:00"}

Likelihoods in a record are costs, -log p: lower is better (`nats` is per example). They are ranked only among equals: same
unit, same claim, the same `given`, the same `note`. A score is ranked only if it says which way is
`better`, against those of the same protocol (but for measure.score.VARIES); its NAME is written as inside a sentence:
"Fréchet distance", "mode coverage". A number that is not finite is null in the JSON and "not finite" on the page.

Who leads is said only where chance could not have done it: `measure/chance.py` has the statistics,
`compare/verdicts.py` the questions and their answers, `compare/doubts.py` what speaks against a leader.

The media
---------
`media[model["run"]]` is what a model's row looks like, `media[REAL]` real examples of the test split. Samples are given as
numbers in the data's own units (or texts where an alphabet is not in `space.names`), never as pictures: the report decides
how to draw. A missing entry leaves its place empty. Of several seeds the first with media is shown.

Drawing elsewhere (`sample --out`): `pictures.picture(x, space)`, `pictures.png(image)`, `pictures.gif(frames, space)`,
`pictures.texts(x, space)`; one run (`show`): `runs.write(folder, head, media, scores)`; readings of a run as a curve:
`curves.readings(rows of ticks.jsonl)`.
"""

from __future__ import annotations

from genlab.report.html import write

__all__ = ["write"]
