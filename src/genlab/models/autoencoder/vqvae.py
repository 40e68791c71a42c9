"""Vector-quantised autoencoder: a picture x becomes a grid of codes c(x), a prior learns the grids.

    log p(x|y) >= log p(c|y) + log p(x|c)     for any one c, since p(x|y) sums p(c|y) p(x|c) over all of them

and log_prob takes c = c(x), the encoder's code. Stage one trains encoder, codebook and decoder on

    -log p(x|c) / entries + mean |sg(z) - e|^2 + beta mean |z - sg(e)|^2

(van den Oord, Vinyals & Kavukcuoglu, "Neural Discrete Representation Learning", 2017, eq. 3; sg stops the gradient; the
second term is absent where the codebook follows by moving averages). z is brought to unit root mean square, so the scale of
the codebook is known. Stage two trains the prior, any model of pictures of tokens, on the codes; it alone is given labels and
texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from genlab.core.model import Claim, Given, LogProb, Model, Scores
from genlab.core.moves import Apply, Descend, Draws, Now, Readings, Stage
from genlab.core.recipe import setting
from genlab.core.space import Batch, Space
from genlab.models.autoencoder.decoder_distribution import DecoderDistribution
from genlab.nets.conv import BlockConfig, GridDecoder, GridEncoder
from genlab.nets.quantise import Codebook, perplexity, straight_through, usage
from genlab.nets.units import centred

REVIVE = 20  # steps between two looks for dead codes
DEAD = 0.03  # a code is dead that is used less than this share of the average code's use


@dataclass(frozen=True)
class VQVAEConfig:
    codebook_size: int = setting(128, "entries of the codebook", low=2, high=65536)
    code_dim: int = setting(16, "numbers in a code's vector", low=1, high=1024)
    downsamplings: int = setting(2, "how often the picture's grid is halved to make the grid of codes", low=0, high=6)
    width: int = setting(64, "channels of the first halved grid", low=1, high=8192)
    blocks: int = setting(1, "residual blocks a grid", low=0, high=64)
    codebook_update: Literal["ema", "gradient"] = setting(
        "ema", "how the codebook follows the encoder: moving averages, or its loss"
    )
    ema_decay: float = setting(0.98, "what the moving averages of the codebook keep at a step", low=0, high=0.99999)
    commitment: float = setting(0.25, "beta: weight of the encoder's distance to its codes", low=0, high=1000)
    scale: Literal["entry", "shared"] = setting(
        "entry", "the decoder's scale: predicted for every entry of every picture, or one learnt number an entry"
    )
    first_stage_share: float = setting(
        0.5, "share of the budget that goes to the first stage, the autoencoder", low=0.01, high=0.99
    )
    sample_mean: bool = setting(
        False, "samples are the decoder's means, which look smooth, instead of draws, which is what is scored"
    )
    prior: Literal["pixelcnn", "gpt"] = setting("pixelcnn", "model of the codes")
    pixelcnn: Any = None  # the configs of either prior
    gpt: Any = None


def grids(config: VQVAEConfig, space: Space) -> list[tuple[int, int]]:
    """Sizes from the picture's to the codes'."""
    if not space.picture:
        raise ValueError(f"a VQ-VAE needs pictures, not data with axes {space.axes!r}")
    _, height, width = space.shape
    return [(-(-height // 2**level), -(-width // 2**level)) for level in range(config.downsamplings + 1)]


def code_space(config: VQVAEConfig, space: Space) -> Space:
    """The space of the prior: pictures of tokens."""
    return Space((1, *grids(config, space)[-1]), "CHW", "token", config.codebook_size)


class VQVAE(Model):
    """prior: a model of `code_space(config, space)` that knows a likelihood; it alone is given something."""

    uses: ClassVar[tuple[str, ...]] = ("label", "text")
    claim: ClassVar[Claim] = "lower"

    def __init__(self, config: VQVAEConfig, space: Space, given: Mapping[str, Space] | None, prior: Model):
        super().__init__(space, given)
        assert isinstance(prior, Scores)
        self.config, self.prior = config, prior
        sizes, block = grids(config, space), BlockConfig()
        channels = space.shape[0]
        self.decoder_distribution = DecoderDistribution(space, config.scale)
        self.parameters_per_entry = self.decoder_distribution.parameters_per_entry
        trunk = GridEncoder(channels, sizes, config.width, config.blocks, block)
        self.encoder = nn.Sequential(trunk, nn.Conv2d(trunk.widths[-1], config.code_dim, 1))
        self.codebook = Codebook(config.codebook_size, config.code_dim, ema=config.codebook_update == "ema")
        head = GridDecoder(self.parameters_per_entry * channels, sizes, config.width, config.blocks, block)
        self.decoder = nn.Sequential(nn.Conv2d(config.code_dim, head.widths[-1], 1), head)

    # --- training ----------------------------------------------------------------------------------------------------

    def stages(self) -> Iterator[Stage]:
        owns = [self.encoder, self.decoder, self.decoder_distribution]
        owns += [self.codebook] if self.config.codebook_update == "gradient" else []
        moves = [Descend("autoencode", owns, self.loss), Apply("codebook", [self.codebook], self.follow)]
        yield Stage("autoencoder", moves, self.config.first_stage_share, samples=False)  # the prior has learnt nothing yet
        for stage in self.prior.stages():
            yield replace(stage, name="prior", share=stage.share * (1 - self.config.first_stage_share), view=self.view)

    def view(self, batch: Batch, now: Now) -> Batch:
        """The codes of a batch, with what is given about it."""
        return batch._replace(x=self.encode(batch.x))

    def loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        """Stage one's objective, nats an entry."""
        z = self.features(batch.x)
        index = self.codebook.nearest(z.detach())
        e = self.codebook(index)
        reconstruction = -self.decoder_distribution.log_prob(batch.x, self.decoded(straight_through(z, e))).mean()
        loss = reconstruction / self.space.size + self.config.commitment * (z - e.detach()).square().mean()
        if self.config.codebook_update == "gradient":
            loss = loss + (z.detach() - e).square().mean()
        now.notes.update(z=z.detach(), index=index)
        return loss, {"reconstruction": reconstruction}

    def follow(self, batch: Batch, now: Now) -> Readings:
        """The move of the codebook: moving averages, and dead codes revived. All processes come to the same codebook."""
        z, index = now.notes["z"], now.notes["index"]
        n, m = (now.mean(value) for value in usage(z.flatten(0, -2), index.flatten(), self.config.codebook_size))
        self.codebook.follow(n, m, self.config.ema_decay)
        used = perplexity(n)
        readings = {"perplexity": used, "codebook usage": used / self.config.codebook_size}
        if now.step % REVIVE:
            return readings
        # At the first step every code moves onto an encoder's output.
        dead = (self.codebook.shares * self.config.codebook_size < DEAD) | (now.step == 0)
        lots = now.gather(now.noise.uniform(index.shape[1:])).flatten()
        self.codebook.revive(dead, now.gather(z).flatten(0, -2)[lots.argsort()])
        return {**readings, "revived": dead.sum().float()}

    # --- the three parts ---------------------------------------------------------------------------------------------

    def features(self, x: Tensor) -> Tensor:
        """The encoding before it is quantised: (B, *shape) -> (B, h, w, size), unit root mean square."""
        u = centred(x, self.space).to(self._dtype)
        z = self.encoder(u).movedim(1, -1)
        return nn.functional.rms_norm(z if z.dtype == torch.float64 else z.float(), z.shape[-1:])

    def decoded(self, e: Tensor) -> Tensor:
        """The parameters of p(x|c): vectors (B, h, w, size) -> (B, parameters, *shape)."""
        h = self.decoder(e.movedim(-1, 1).to(self._dtype))
        return h.unflatten(1, (self.parameters_per_entry, -1))

    def encode(self, x: Tensor, given: Given | None = None, *, noise: Draws | None = None) -> Tensor:
        """c(x): (B, *shape) -> codes (B, 1, h, w) int64."""
        return self.codebook.nearest(self.features(x)).unsqueeze(1)

    def decode(self, z: Tensor, given: Given | None = None, *, noise: Draws | None = None) -> Tensor:
        """Codes (B, 1, h, w) -> the mean of p(x|c) in the data's units (bits: the likelier one), or with noise a draw of it."""
        h = self.decoded(self.codebook(z.squeeze(1)))
        if noise is None:
            return self.decoder_distribution.mean(h)
        source = noise.normal if self.space.kind == "real" else noise.uniform
        return self.decoder_distribution.draw(h, source(self.space.shape).to(h.dtype))

    # --- scoring and sampling ----------------------------------------------------------------------------------------

    def log_prob(self, batch: Batch, *, noise: Draws) -> LogProb:
        """log p(c|y) + log p(x|c) at the encoder's code, (B,) nats."""
        c = self.encode(batch.x)
        assert isinstance(self.prior, Scores)
        prior = self.prior.log_prob(batch._replace(x=c), noise=noise)
        nats = prior.nats + self.decoder_distribution.log_prob(batch.x, self.decoded(self.codebook(c.squeeze(1))))
        return LogProb(nats, "lower", "code and prior", prior.given)

    def sample(
        self,
        n: int,
        given: Given | None = None,
        *,
        noise: Draws,
        sample_mean: bool | None = None,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
    ) -> Iterator[Tensor]:
        """Frames (n, *shape): pictures as far as their codes are drawn, at last one from p(x|c), or its mean.

        sample_mean                 the mean of p(x|c) instead of a draw; unset, the config's
        temperature, top_k, top_p   of the codes
        """
        frames = self.prior.sample(n, given, noise=noise, temperature=temperature, top_k=top_k, top_p=top_p)
        codes = next(frames)
        for later in frames:
            yield self.decode(codes)
            codes = later
        mean = self.config.sample_mean if sample_mean is None else sample_mean
        yield self.decode(codes, noise=None if mean else noise)

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.decoder.parameters()).dtype
