"""Sizes on the way down and up, blocks that begin as the identity, conditions that are heard."""

from typing import Literal

import pytest
import torch

from genlab.nets.conv import (
    BlockConfig,
    ConvDecoder,
    ConvEncoder,
    GridDecoder,
    GridEncoder,
    ResidualBlock,
    UpsampleConv,
    grids,
    widths,
)


def test_sizes_halve_rounding_up_until_small():
    assert grids(28, 28) == [(28, 28), (14, 14), (7, 7), (4, 4)]
    assert grids(31, 20) == [(31, 20), (16, 10), (8, 5), (4, 3)]
    assert grids(2, 2) == [(2, 2)]
    assert grids(1, 17) == [(1, 17), (1, 9), (1, 5), (1, 3)]
    assert widths(8, 5) == [8, 16, 32, 32, 32]


@pytest.mark.parametrize("kernel_size", [3, 4])
@pytest.mark.parametrize("shape", [(3, 20, 31), (1, 2, 2), (2, 1, 17), (1, 64, 64)], ids=str)
def test_pictures_of_any_size_go_down_to_the_grid_and_back(shape: tuple[int, int, int], kernel_size: Literal[3, 4]):
    channels, height, width = shape
    sizes, block = grids(height, width), BlockConfig(kernel_size=kernel_size)
    down, up = GridEncoder(channels, sizes, 8, 1, block), GridDecoder(channels, sizes, 8, 1, block)
    small = down(torch.randn(2, *shape))
    assert small.shape == (2, down.widths[-1], *sizes[-1])
    assert up(small).shape == (2, *shape)


def test_a_new_block_is_the_identity_and_a_trained_one_hears_its_condition():
    torch.manual_seed(0)
    block, x, c = ResidualBlock(8, BlockConfig(condition=3)), torch.randn(2, 8, 5, 4), torch.randn(2, 3)
    assert torch.equal(block(x, c), x)
    torch.nn.init.normal_(list(block.second.parameters())[-2])
    assert not torch.allclose(block(x, c), block(x, -c))


@pytest.mark.parametrize(("norm", "hidden"), [("group", 0), ("none", 16)])
def test_examples_do_not_meet(norm, hidden):
    torch.manual_seed(0)
    encoder = ConvEncoder((2, 9, 9), 5, 8, 1, BlockConfig(norm), hidden)
    decoder = ConvDecoder(5, (2, 9, 9), 8, 1, BlockConfig(norm), hidden)
    x = torch.randn(4, 2, 9, 9)
    together = decoder(encoder(x))
    alone = decoder(encoder(x[2:3]))
    assert together.shape == x.shape
    torch.testing.assert_close(together[2:3], alone, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(together[0], together[2])


@pytest.mark.parametrize("hidden", [0, 16])
def test_a_condition_reaches_vector_and_picture_without_residual_blocks(hidden):
    torch.manual_seed(0)
    block = BlockConfig(condition=3)
    encoder, decoder = ConvEncoder((1, 9, 9), 5, 8, 0, block, hidden), ConvDecoder(5, (1, 9, 9), 8, 0, block, hidden)
    x, c = torch.randn(2, 1, 9, 9), torch.randn(2, 3)
    z = encoder(x, c)
    assert not torch.allclose(z, encoder(x, -c))
    assert not torch.allclose(decoder(z, c), decoder(z, -c))


def test_both_ways_of_doubling_keep_a_centred_spot_where_it_was():
    """All weights alike, a lone spot of the small grid grows into one centred on the two by two pixels above it."""
    for kernel_size in (3, 4):
        double = UpsampleConv(1, 1, (10, 10), kernel_size)
        weight, bias = double.conv.parameters()
        torch.nn.init.ones_(weight)
        torch.nn.init.zeros_(bias)
        spot = torch.zeros(1, 1, 5, 5)
        spot[..., 2, 2] = 1.0
        grown = double(spot)[0, 0].detach()
        places = torch.arange(10.0)
        centre = [(grown.sum(side) @ places / grown.sum()).item() for side in (0, 1)]
        assert centre == pytest.approx([4.5, 4.5])
