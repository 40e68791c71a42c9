"""Rotary positions: lengths stay, and the product of two turned vectors knows only the difference of their places."""

from __future__ import annotations

import math

import torch

from genlab.nets.rotary import angles, apply_rotary, frequencies, rotary_factors


def grid(height: int, width: int) -> torch.Tensor:
    return torch.cartesian_prod(torch.arange(height), torch.arange(width))


def test_products_depend_on_differences_only() -> None:
    torch.manual_seed(0)
    q, k = torch.randn(2, 12, dtype=torch.float64)
    rotary = rotary_factors(angles(grid(8, 9), (8, 9), 6))
    product = torch.einsum("id,jd->ij", apply_rotary(q.expand(72, -1), rotary), apply_rotary(k.expand(72, -1), rotary)).reshape(
        8, 9, 8, 9
    )
    for row, column in ((0, 0), (3, 4), (7, 8)):
        moved = product[row, column, : row + 1, : column + 1].flip(0, 1)  # from (row, column) back by (i, j)
        torch.testing.assert_close(moved, product[7, 8].flip(0, 1)[: row + 1, : column + 1])
    assert product.std() > 0.1
    torch.testing.assert_close(apply_rotary(q.expand(72, -1), rotary).norm(dim=1), q.norm().expand(72))


def test_every_axis_has_planes_and_no_place_repeats() -> None:
    turns = angles(grid(5, 7), (5, 7), 7)
    assert turns.shape == (35, 7)
    assert torch.unique(turns.double(), dim=0).shape == (35, 7)
    first = angles(torch.tensor([[0, 0], [1, 0], [0, 1]]), (5, 7), 7)
    assert (first[1] - first[0]).nonzero().flatten().tolist() == [0, 1, 2, 3]  # the row's planes
    assert (first[2] - first[0]).nonzero().flatten().tolist() == [4, 5, 6]


def test_the_slowest_plane_turns_by_a_quarter_over_the_extent() -> None:
    w = frequencies(64, 8)
    assert w[0] == 1
    assert (w[1:] / w[:-1]).std() < 1e-12  # geometric
    assert float(w[-1]) * 64 == math.pi / 2 or abs(float(w[-1]) * 64 - math.pi / 2) < 1e-12
