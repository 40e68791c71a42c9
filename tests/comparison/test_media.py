"""What a page shows of runs is made from what they wrote."""

from __future__ import annotations

from genlab.comparison.media import readings


def test_rows_of_a_run_become_points() -> None:
    place = {"stage": 0, "step": 1, "examples": 64, "progress": 0.1}
    first = {**place, "name": "codes", "seconds": 1.0, "readings": {"vqvae.loss": 2.0, "vqvae.perplexity": None}}
    second = {**place, "name": "prior", "seconds": 2.0, "readings": {"prior.loss": 1.0}}
    assert readings([first]) == [(1.0, "vqvae.loss", 2.0)]
    assert readings(iter([first, second])) == [(1.0, "codes: vqvae.loss", 2.0), (2.0, "prior: prior.loss", 1.0)]
