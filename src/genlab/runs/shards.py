"""Sharding: each process holds a part of every weight, of its gradient and of its optimiser's state.

fully_shard (FSDP2; Zhao et al., "PyTorch FSDP: Experiences on Scaling Fully Sharded Data Parallel", 2023) gathers the
weights of one block after another while the model computes, and shares out their gradients, already averaged, as they come.
A weight is then a DTensor. Files hold whole tensors, so a checkpoint is the same whether its training was sharded or not.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import torch
from accelerate import PartialState
from torch import Tensor, nn

from genlab.core.model import Model, Shards


def requested(shard: bool, processes: PartialState) -> bool:
    """Whether to shard: by genlab's own option or `accelerate launch --use_fsdp`; ValueError where that is not possible."""
    if not shard and os.environ.get("ACCELERATE_USE_FSDP", "false").lower() != "true":
        return False
    if shard and processes.num_processes == 1:
        raise ValueError("--shard cuts a model among processes, and this is one: torchrun --nproc-per-node 2 -m genlab ...")
    if os.environ.get("FSDP_OFFLOAD_PARAMS", "false").lower() == "true":
        raise ValueError("genlab keeps its shards on the devices: launch without --fsdp_offload_params")
    return processes.num_processes > 1


def cut(model: Model, device: torch.device, precision: str) -> None:
    """Shard a model in place, block by block; weights outside all blocks are gathered for a whole move.

    In bf16 blocks are gathered in bf16: autocast would keep a copy of every weight it casts until the backward pass.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method

    assert isinstance(model, Shards)
    mesh = init_device_mesh(device.type, (PartialState().num_processes,))
    halved = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32, cast_forward_inputs=False)
    marks = {name: vars(parameter) for name, parameter in model.named_parameters()}  # a sharded one is another object
    for block in model.blocks():
        if any(True for _ in block.parameters()):
            policy = halved if precision == "bf16" and not _normalises(block) else MixedPrecisionPolicy()
            fully_shard(block, mesh=mesh, reshard_after_forward=True, mp_policy=policy)
    fully_shard(model, mesh=mesh, reshard_after_forward=True)
    for name, parameter in model.named_parameters():
        vars(parameter).update(marks[name])
    # Computation outside the model's `forward` goes through this, so that weights outside all blocks are gathered too.
    cast(Any, model).gathered = _call
    register_fsdp_forward_method(model, "gathered")


def _normalises(block: nn.Module) -> bool:
    """Whether a block has gains of a layer norm, which on CPUs must have the precision of what they scale."""
    return any(isinstance(module, nn.LayerNorm) and module.elementwise_affine for module in block.modules())


def _call(do: Callable[..., Any], *arguments: Any) -> Any:
    return do(*arguments)


def gathering(model: Model, loss: Callable[..., Any]) -> Callable[..., Any]:
    """The loss of a sharded model, computed with its weights gathered. Arguments are bound, since FSDP copies those it sees."""

    def outer(*arguments: Any) -> Any:
        return cast(Any, model).gathered(lambda: loss(*arguments))

    return outer


def is_part(value: Tensor) -> bool:
    return hasattr(value, "to_local")


def local(value: Tensor) -> Tensor:
    """This process's part of a sharded tensor, as a view; a whole tensor is returned as it is."""
    return cast(Any, value).to_local() if is_part(value) else value


def whole(value: Tensor) -> Tensor:
    """The whole of a sharded tensor, on every process; all processes must call it together."""
    return cast(Any, value).full_tensor() if is_part(value) else value


def part_like(value: Tensor, like: Tensor) -> Tensor:
    """A whole tensor sharded as another one is, without communication."""
    if not is_part(like):
        return value
    from torch.distributed.tensor import distribute_tensor

    cut_as = cast(Any, like)
    value = value.to(device=like.device)
    return distribute_tensor(value, cut_as.device_mesh, cut_as.placements, src_data_rank=None)


def gather_parts(part: Tensor, like: Tensor) -> Tensor:
    """The whole tensor of which each process has the part that it has of `like`; on every process."""
    from torch.distributed.tensor import DTensor

    cut_as = cast(Any, like)
    made = DTensor.from_local(
        part, cut_as.device_mesh, cut_as.placements, run_check=False, shape=like.shape, stride=like.stride()
    )
    return made.full_tensor()


class Replica:
    """A whole copy of a sharded model on the first process, which draws and scores with it while the others wait.

    It is on the CPU except while it is used.
    """

    def __init__(self, model: Model, main: bool):
        self._model = copy.deepcopy(model).eval().requires_grad_(False) if main else None
        self._at: tuple[int, int] | None = None

    def update(self, weights: Mapping[str, Tensor], at: tuple[int, int]) -> None:
        """Load whole weights that all processes have gathered; at: their stage and step."""
        if self._model is not None:
            self._model.load_state_dict(dict(weights), strict=False)  # without what only training needs
            self._at = at

    @contextmanager
    def at(self, at: tuple[int, int]) -> Iterator[Model]:
        """The copy with the weights of this stage and step; RuntimeError on other processes, or where it has other weights."""
        if self._model is None or self._at != at:
            raise RuntimeError(
                "a sharded model can be used by the first process, after all processes have gathered its weights"
            )
        try:
            yield self._model
        finally:
            self._model.to("cpu")
