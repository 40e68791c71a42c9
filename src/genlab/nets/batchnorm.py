"""Batch normalisation whose statistics are those of the whole batch, whatever the number of processes that share it.

    y = gain (x - m) / sqrt(v + eps) + bias

with mean m and variance v of each channel over all examples and places of the global batch. Process r holds n_r entries of a
channel with mean m_r and variance v_r; with n = sum_r n_r
    m = sum_r n_r m_r / n,    v = sum_r n_r (v_r + (m_r - m)^2) / n,
so one exchange of n_r, m_r and v_r is enough, and the gradient flows back through it. In eval mode m and v are running means.

Ioffe & Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift", 2015.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from genlab.core.coupling import alone, gather


class BatchNorm(_BatchNorm):
    """(B, C, ...) -> (B, C, ...), for any number of places; parameters and buffers are those of torch's batch norms."""

    def forward(self, input: Tensor) -> Tensor:
        if alone() or not self.training:
            return super().forward(input)
        self._check_input_dim(input)
        places = [0, *range(2, input.ndim)]
        x = input.float() if input.dtype in (torch.bfloat16, torch.float16) else input
        count = x.new_full((1,), x.numel() / x.shape[1])
        variance, mean = torch.var_mean(x, places, correction=0)
        everyone = gather(torch.cat([count, mean, variance])[None])  # (processes, 1 + 2 C)
        counts, means, variances = everyone.split([1, x.shape[1], x.shape[1]], 1)
        n = counts.sum()
        mean = (counts * means).sum(0) / n
        variance = (counts * (variances + (means - mean).square())).sum(0) / n
        self._follow(mean, variance * (n / (n - 1).clamp(min=1)))
        shape = [1, -1, *[1] * (x.ndim - 2)]
        gain, bias = (1, 0) if self.weight is None else (self.weight.view(shape), self.bias.view(shape))
        return ((x - mean.view(shape)) * (variance.view(shape) + self.eps).rsqrt() * gain + bias).to(input.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """Running statistics, as torch keeps them: of the unbiased variance."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean), share)
        self.running_var.lerp_(variance.to(self.running_var), share)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"batch norm needs (B, C, ...), got {tuple(input.shape)}")
