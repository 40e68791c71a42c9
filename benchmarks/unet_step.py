"""One training step of our U-Net against one of diffusers' `UNet2DModel`.

    python -m benchmarks.unet_step --json FILE

Both have 64, 128 and 128 channels on grids of 32, 16 and 8, two blocks a grid on the way down and three on the way up, and
attention with heads of 32 channels in the 16 x 16 grid's blocks and in the middle. A step is the forward pass, the backward
pass of the mean squared error and fused AdamW, float32, batch 64. All rows are measured in one run, a step each in turn, each
network in a process of its own, set up as its user would meet it.

Each row leaves out one more of what makes ours faster: `Winograd` (nets.cpu.winograd) takes half the products of most 3x3
convolutions, `NormAct` (nets.cpu.norm_act) writes out group norm with what follows it, and `kept memory` (runs.memory, which
the engine asks for) spares a step the pages it gave back; diffusers with kept memory is its own row. The share of the peak
counts the operations of matrix products and convolutions that are carried out. Below the table: on what the time goes, by
torch's profiler, as shares of the step.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.common import in_turn, middle, operations, peak, report, spent
from genlab.nets.layers import EPS
from genlab.nets.unet import UNet
from genlab.runs.memory import keep_freed

WIDTHS, DEPTH, ATTENDS, HEAD, SIDE, BATCH, T = (64, 128, 128), 2, (False, True, False), 32, 32, 64, 1000
OURS, THEIRS = "genlab", "diffusers"


class Trained:
    """A network, its optimiser and the batch it is trained on. says: (picture, time number) -> picture."""

    def __init__(self, net: nn.Module, says: Callable[[nn.Module, Tensor, Tensor], Tensor], channels_last: bool = True):
        torch.manual_seed(0)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.net, self.says = net.to(memory_format=layout), says  # pyright: ignore[reportCallIssue]
        self.x, self.wanted = (torch.randn(BATCH, 3, SIDE, SIDE).contiguous(memory_format=layout) for _ in range(2))
        self.t = torch.randint(0, T, (BATCH,))
        self.optimiser = torch.optim.AdamW(net.parameters(), lr=1e-4, fused=True)

    def step(self) -> None:
        self.optimiser.zero_grad(set_to_none=True)
        F.mse_loss(self.says(self.net, self.x, self.t), self.wanted).backward()
        self.optimiser.step()

    @property
    def parameters(self) -> int:
        return sum(value.numel() for value in self.net.parameters())


def ours() -> Trained:
    return Trained(UNet(3, WIDTHS, DEPTH, ATTENDS, HEAD), lambda net, x, t: net(x, t / T))


def theirs(channels_last: bool) -> Trained:
    from diffusers import UNet2DModel  # pyright: ignore[reportMissingImports, reportPrivateImportUsage]

    kinds = ["AttnDownBlock2D" if attends else "DownBlock2D" for attends in ATTENDS]
    net = UNet2DModel(
        sample_size=SIDE,
        layers_per_block=DEPTH,
        block_out_channels=WIDTHS,
        attention_head_dim=HEAD,
        resnet_time_scale_shift="scale_shift",  # time scales and shifts, as it does here
        down_block_types=tuple(kinds),
        up_block_types=tuple(kind.replace("Down", "Up") for kind in reversed(kinds)),
    )
    return Trained(net, lambda net, x, t: net(x, t).sample, channels_last)


def plain(x: Tensor, scale: Tensor, shift: Tensor, groups: int) -> Tensor:
    """`nets.layers.norm_act` of torch's own operations."""
    return F.silu(F.group_norm(x, groups, eps=EPS) * scale[:, :, None, None] + shift[:, :, None, None])


PLAIN_NORM = {"genlab.nets.unet.norm_act": plain}
PLAIN_CONV = {"genlab.nets.cpu.winograd.faster": lambda *_: False}
ROWS: dict[str, tuple[Callable[[], Trained], bool, dict[str, Any]]] = {  # network, kept memory, what is replaced in it
    THEIRS: (partial(theirs, False), False, {}),
    f"{THEIRS}, channels_last": (partial(theirs, True), False, {}),
    f"{THEIRS}, kept memory": (partial(theirs, False), True, {}),
    OURS: (ours, True, {}),
    f"{OURS}, without Winograd": (ours, True, PLAIN_CONV),
    f"{OURS}, nor NormAct": (ours, True, PLAIN_CONV | PLAIN_NORM),
    f"{OURS}, nor kept memory": (ours, False, PLAIN_CONV | PLAIN_NORM),
}


def serve(name: str, asked: Connection) -> None:
    """Hold one row's network and answer what the table asks about it."""
    made, keeps, replaced = ROWS[name]
    if keeps:
        keep_freed()
    with ExitStack() as stack:
        for target, value in replaced.items():
            stack.enter_context(patch(target, value))
        trained = made()
        answers: dict[str, Callable[[], Any]] = {
            "step": trained.step,
            "parameters": lambda: trained.parameters,
            "operations": lambda: operations(trained.step),
            "spent": lambda: spent(trained.step),
        }
        with suppress(EOFError):
            while True:
                asked.send(answers[asked.recv()]())


class Row:
    """A network in a process of its own."""

    def __init__(self, name: str):
        processes = multiprocessing.get_context("spawn")
        self._ask, theirs = processes.Pipe()
        processes.Process(target=serve, args=(name, theirs), daemon=True).start()

    def __call__(self, question: str) -> Any:
        self._ask.send(question)
        return self._ask.recv()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="steps of each; the first three warm up")
    parser.add_argument("--json")
    said = parser.parse_args(arguments)
    best = peak()
    networks = {name: Row(name) for name in ROWS}
    times = in_turn({name: partial(row, "step") for name, row in networks.items()}, said.rounds)
    base, rows = middle(times[THEIRS]), []
    for name, row in networks.items():
        seconds, work = middle(times[name]), row("operations")
        found: dict[str, Any] = {"network": name, "parameters": row("parameters"), "step ms": round(1000 * seconds, 1)}
        found |= {"ratio": round(seconds / base, 3), "GFLOP": round(work / 1e9, 1)}
        rows.append({**found, "share of peak": round(work / seconds / best, 3)})
    shares = {f"{name}, spent on": networks[name]("spent") for name in (THEIRS, OURS)}
    report("unet_step", rows, said.json, **{"peak GFLOP/s": round(best / 1e9)}, **shares)


if __name__ == "__main__":
    main()
