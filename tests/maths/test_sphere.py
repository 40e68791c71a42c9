"""Great circles: constant speed, constant length, and no division by zero where the ends agree."""

from __future__ import annotations

import math

import pytest
import torch

from genlab.maths.sphere import slerp


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.0])
def test_a_quarter_turn_is_walked_at_constant_speed(share):
    a, b = torch.tensor([[2.0, 0.0, 0.0]]), torch.tensor([[0.0, 2.0, 0.0]])
    angle = share * math.pi / 2
    expected = torch.tensor([[2 * math.cos(angle), 2 * math.sin(angle), 0.0]])
    torch.testing.assert_close(slerp(a, b, share), expected)


def test_length_and_angle_in_many_dimensions():
    torch.manual_seed(0)
    a, b = torch.nn.functional.normalize(torch.randn(2, 5, 64, dtype=torch.float64), dim=-1)
    middle = slerp(a, b, 0.3)
    torch.testing.assert_close(middle.norm(dim=-1), torch.ones(5, dtype=torch.float64))
    whole = (a * b).sum(-1).acos()
    torch.testing.assert_close((a * middle).sum(-1).acos(), 0.3 * whole)
    torch.testing.assert_close((middle * b).sum(-1).acos(), 0.7 * whole)
    torch.testing.assert_close(slerp(b, a, 0.7), middle)


def test_parallel_and_opposite_ends_go_straight():
    a = torch.tensor([[1.0, 2.0], [1.0, 2.0], [0.0, 0.0]])
    b = torch.tensor([[2.0, 4.0], [-1.0, -2.0], [1.0, 0.0]])
    found = slerp(a, b, 0.25)
    assert found.isfinite().all()
    torch.testing.assert_close(found[:2], 0.75 * a[:2] + 0.25 * b[:2])
