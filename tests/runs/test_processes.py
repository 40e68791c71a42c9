"""Two processes, started as torchrun starts them, train one model: on CPUs, with gloo."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from genlab.runs.files import read_tensors

WORK = """
import sys
from dataclasses import replace
from pathlib import Path
from genlab import Budget, Engine, build, fit, open, recipe_for
from genlab.runs.files import write_tensors

for model, source, budget in (("gpt", "strings/coin", Budget(steps=6)), ("gan", "points/ring", Budget(seconds=0.5)),
                              ("ngram", "digits", Budget(steps=1))):
    data = open(source)
    recipe = replace(recipe_for(model, data.space, data.given), budget=budget)
    engine = Engine("cpu")
    steps = sum(tick.closes for tick in fit(build(recipe, data.space, data.given), data, recipe, engine))
    file = Path(sys.argv[1]) / f"{model}-{engine.processes.num_processes}-{engine.processes.process_index}"
    write_tensors(file, engine.weights(averaged=True), {"steps": steps, "examples": engine.examples})
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("processes")
    (path / "work.py").write_text(WORK)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    shared = {"OMP_NUM_THREADS": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    command = [sys.executable, str(path / "work.py"), str(path)]
    ranks = [{**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(2)]
    started = [subprocess.Popen(command, env=environment) for environment in (*ranks, dict(os.environ))]
    assert [process.wait(240) for process in started] == [0, 0, 0]
    return path


@pytest.mark.parametrize("model", ["gpt", "gan", "ngram"])
def test_processes_hold_one_model(folder: Path, model: str) -> None:
    """Also on a budget of seconds, of which each process measures its own."""
    (one, facts), (two, others) = (read_tensors(folder / f"{model}-2-{rank}") for rank in range(2))
    assert facts == others
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("model", ["gpt", "ngram"])
def test_two_processes_learn_what_one_does(folder: Path, model: str) -> None:
    """The same batches and noise, cut in two; sums are taken in another order."""
    (whole, facts), (cut, others) = (read_tensors(folder / f"{model}-{name}") for name in ("1-0", "2-0"))
    assert facts == others
    for name in whole:
        torch.testing.assert_close(whole[name], cut[name], rtol=1e-3, atol=1e-4)
