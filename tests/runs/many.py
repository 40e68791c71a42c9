"""One of several processes, or one alone, that train every small recipe in float64 and write down what each came to.

RANK=0 LOCAL_RANK=0 WORLD_SIZE=2 MASTER_ADDR=localhost MASTER_PORT=29500 python -m tests.runs.many FOLDER
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch
from tests.runs.small import SMALL

from genlab import Budget, Engine, build, fit, recipe_for
from genlab.core.recipe import replaced, settings
from genlab.runs.files import write_tensors

STEPS = 12
COUPLED = {  # settings under which examples know of one another
    "vae free bits": ("vae", {"model.draws": 1, "model.free": 0.1}),
    "vqvae gradient": ("vqvae", {"model.learnt": "gradient"}),
    "gan wasserstein": ("gan", {"model.value": "wasserstein"}),
    "ddpm bound": ("ddpm", {"model.weights": "bound"}),
    "rbm from data": ("rbm", {"model.start": "data"}),
}
CASES = {small.model: (small.model, {}) for small in SMALL} | COUPLED


def main(place: Path) -> None:
    torch.set_num_threads(1)
    engine = Engine("cpu")
    small_of = {small.model: small for small in SMALL}
    for name, (model, more) in CASES.items():
        small = small_of[model]
        data = small.data()
        recipe = recipe_for(model, data.space, data.given, {**small.settings, **more})
        dropout = {key: 0.0 for key in settings(recipe) if key.endswith("dropout")}  # each process draws its own
        recipe = replace(replaced(recipe, dropout), budget=Budget(steps=STEPS))
        made = build(recipe, data.space, data.given).double()
        ticks = list(fit(made, data, recipe, engine))
        losses = [float(tick.readings["loss"]) for tick in ticks if "loss" in tick.readings]
        tensors = {**engine.weights(), **{f"average.{key}": value for key, value in engine.weights(averaged=True).items()}}
        file = place / f"{name}-{engine.processes.num_processes}-{engine.processes.process_index}"
        write_tensors(file, tensors, {"turns": len(ticks), "examples": engine.examples, "losses": losses})
    engine.processes.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
