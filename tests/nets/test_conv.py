"""Sizes on the way down and up, blocks that begin as the identity, conditions that are heard."""

import pytest
import torch

from genlab.nets.conv import Block, ConvDecoder, ConvEncoder, Grow, Residual, Shrink, grids, widths


def test_sizes_halve_rounding_up_until_small():
    assert grids(28, 28) == [(28, 28), (14, 14), (7, 7), (4, 4)]
    assert grids(31, 20) == [(31, 20), (16, 10), (8, 5), (4, 3)]
    assert grids(2, 2) == [(2, 2)]
    assert grids(1, 17) == [(1, 17), (1, 9), (1, 5), (1, 3)]
    assert widths(8, 5) == [8, 16, 32, 32, 32]


@pytest.mark.parametrize("shape", [(3, 20, 31), (1, 2, 2), (2, 1, 17), (1, 64, 64)], ids=str)
def test_pictures_of_any_size_go_down_to_the_grid_and_back(shape: tuple[int, int, int]):
    channels, height, width = shape
    sizes, block = grids(height, width), Block()
    down, up = Shrink(channels, sizes, 8, 1, block), Grow(channels, sizes, 8, 1, block)
    small = down(torch.randn(2, *shape))
    assert small.shape == (2, down.widths[-1], *sizes[-1])
    assert up(small).shape == (2, *shape)


def test_a_new_block_is_the_identity_and_a_trained_one_hears_its_condition():
    torch.manual_seed(0)
    block, x, c = Residual(8, Block(condition=3)), torch.randn(2, 8, 5, 4), torch.randn(2, 3)
    assert torch.equal(block(x, c), x)
    torch.nn.init.normal_(block.second[-1].weight)
    assert not torch.allclose(block(x, c), block(x, -c))


@pytest.mark.parametrize("norm", ["group", "none"])
def test_examples_do_not_meet(norm):
    torch.manual_seed(0)
    encoder, decoder = ConvEncoder((2, 9, 9), 5, 8, 1, Block(norm)), ConvDecoder(5, (2, 9, 9), 8, 1, Block(norm))
    x = torch.randn(4, 2, 9, 9)
    together = decoder(encoder(x))
    alone = decoder(encoder(x[2:3]))
    assert together.shape == x.shape
    torch.testing.assert_close(together[2:3], alone, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(together[0], together[2])
