"""A codebook: K vectors e_k of D numbers, to the nearest of which an encoder's output z is rounded.

    k(z) = argmin_k |z - e_k|^2,        straight through: forward e_k, backward the gradient goes to z as if e_k were z.

The vectors learn by gradient, or as moving averages of the outputs that chose them: with n_k the share of outputs that
chose code k and m_k the mean over all outputs of [k(z) = k] z,

    N_k <- d N_k + (1 - d) n_k,     M_k <- d M_k + (1 - d) m_k,     e_k = M_k / N_k.

van den Oord, Vinyals & Kavukcuoglu, "Neural Discrete Representation Learning", 2017, eqs. 1 to 3 and appendix A.1. A code that
nobody chooses any more (N_k K below a floor) is moved onto an encoder's output: Dhariwal et al., "Jukebox", 2020, section 3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

DISTANCES = 2**22  # entries of the largest table of distances that is held at once: 16 MiB in float32


class Codebook(nn.Module):
    """codes = K vectors of size = D numbers.

    ema       True: the vectors are a buffer that `follow` moves; False: a parameter
    `shares` is N, (K,); it is kept in both cases, to find the codes that are no longer used.
    """

    vectors: Tensor
    shares: Tensor
    sums: Tensor

    def __init__(self, codes: int, size: int, ema: bool):
        super().__init__()
        self.codes, self.size, self.ema = codes, size, ema
        vectors = torch.randn(codes, size)
        self.register_buffer("shares", torch.full((codes,), 1 / codes))
        if ema:
            self.register_buffer("vectors", vectors)
            self.register_buffer("sums", vectors / codes)
        else:
            self.vectors = nn.Parameter(vectors)
            self.vectors.table = True  # pyright: ignore[reportAttributeAccessIssue]

    def nearest(self, z: Tensor) -> Tensor:
        """k(z): (..., D) -> (...) int64, in chunks of at most `DISTANCES` distances."""
        squares, rows = self.vectors.square().sum(1), z.reshape(-1, self.size)
        chunks = rows.split(max(1, DISTANCES // self.codes))
        # |z|^2 is the same for every k.
        return torch.cat([torch.addmm(squares, chunk, self.vectors.T, alpha=-2).argmin(1) for chunk in chunks]).view(
            z.shape[:-1]
        )

    def forward(self, index: Tensor) -> Tensor:
        """e_k: (...) -> (..., D)."""
        return nn.functional.embedding(index, self.vectors)

    @torch.no_grad()
    def follow(self, n: Tensor, m: Tensor, decay: float) -> None:
        """One step of the moving averages, from n (K,) and m (K, D) of this batch."""
        self.shares.lerp_(n, 1 - decay)
        if self.ema:
            self.sums.lerp_(m, 1 - decay)
            used = self.shares > torch.finfo(self.shares.dtype).tiny
            self.vectors[used] = self.sums[used] / self.shares[used, None]

    @torch.no_grad()
    def revive(self, dead: Tensor, z: Tensor) -> None:
        """Put the codes where dead (K,) is True onto the first rows of z (R, D), each used as often as the average code."""
        count = int(dead.sum())
        rows = z[torch.arange(count, device=z.device) % len(z)].to(self.vectors.dtype)
        self.vectors[dead] = rows
        self.shares[dead] = 1 / self.codes
        if self.ema:
            self.sums[dead] = rows / self.codes


def straight_through(z: Tensor, e: Tensor) -> Tensor:
    """The value of e with the gradient of z."""
    return z + (e - z).detach()


def usage(z: Tensor, index: Tensor, codes: int) -> tuple[Tensor, Tensor]:
    """n (K,) and m (K, D) of outputs z (R, D) and their codes index (R,); memory grows with R + K, not with R K."""
    n = index.bincount(minlength=codes).to(z.dtype) / len(z)
    m = z.new_zeros(codes, z.shape[1]).index_add_(0, index, z) / len(z)
    return n, m


def perplexity(n: Tensor) -> Tensor:
    """exp of the entropy of the shares n (K,): the number of codes in use, if all were used equally."""
    return torch.special.entr(n).sum().exp()
