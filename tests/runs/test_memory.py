"""Freed memory is kept: a step of training maps few new pages."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys, torch
from torch import nn
from genlab.runs.memory import keep_freed
if sys.argv[1] == "kept":
    assert keep_freed()
net = nn.Sequential(*(layer for _ in range(3) for layer in (nn.Conv2d(16, 16, 3, padding=1), nn.SiLU())))
x, faults = torch.randn(64, 16, 64, 64), []
for _ in range(13):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    net(x).square().mean().backward()
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(sorted(faults[4:])[4])  # of the middle one: now and then the heap still grows
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc")
def test_steps_map_few_new_pages() -> None:
    faults = {how: int(subprocess.check_output([sys.executable, "-c", PROGRAM, how], text=True)) for how in ("kept", "plain")}
    assert 4 * faults["kept"] < faults["plain"], faults
