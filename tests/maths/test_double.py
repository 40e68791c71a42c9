"""Devices without float64, played by torch's device without numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from genlab.core.moves import Now
from genlab.core.noise import Noise
from genlab.core.space import Batch, Space
from genlab.maths import double
from genlab.maths.densities import categorical_quantile
from genlab.models.diffusion.ddpm import DDPM, DDPMConfig
from genlab.models.diffusion.flow import FlowMatching, FlowMatchingConfig

GREYS = Space((1, 4, 4), "CHW", "ordinal", 5)


class NoDouble(TorchDispatchMode):
    """Refuses float64 outside the CPU, as Apple's devices do."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for value in tree_leaves(out):
            if isinstance(value, Tensor) and value.device.type == "meta" and value.dtype == torch.float64:
                raise TypeError(f"{func} made a float64 tensor on a device that has none")
        return out


@pytest.fixture(autouse=True)
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(double, "NO_DOUBLE", ("meta",))


def test_categories_are_drawn_without_float64() -> None:
    with NoDouble():
        drawn = categorical_quantile(torch.empty(7, device="meta"), torch.empty(7, 5, device="meta"))
    assert (drawn.shape, drawn.dtype) == ((7,), torch.int64)


@pytest.mark.parametrize("weighting", ["simple", "min-snr"])
def test_a_ddpm_is_trained_without_float64(weighting: Any) -> None:
    model = DDPM(DDPMConfig(net="mlp", width=8, depth=1, prediction="levels", loss_weighting=weighting), GREYS)
    assert None not in gradients(model)


def test_flow_matching_is_trained_without_float64() -> None:
    assert None not in gradients(FlowMatching(FlowMatchingConfig(net="mlp", width=8, depth=1), GREYS))


def gradients(model: DDPM | FlowMatching) -> list[torch.dtype | None]:
    """The type of each weight's gradient after one batch, None where it has none; TypeError where anything is float64."""
    model = model.to("meta")
    now = Now(0, 0.0, Noise(0, 3, "meta"), {})
    with NoDouble():
        loss, _ = model.loss(Batch(torch.empty(3, *GREYS.shape, dtype=torch.uint8, device="meta")), now)
        loss.backward()
    grads = [weight.grad for weight in model.net.parameters()]
    return [None if grad is None else grad.dtype for grad in grads]
