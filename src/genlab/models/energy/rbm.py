"""Restricted Boltzmann machine: bits v of a picture and hidden bits h, with p(v, h) = exp(-E(v, h)) / Z and

    E(v, h) = -a.v - b.h - v.W h                F(v) = -log sum_h exp(-E(v, h)) = -a.v - sum_j softplus(b_j + (v W)_j)

The derivative of log p(v) is that of F under the model minus that of F at v. Hinton, "Training Products of Experts by
Minimizing Contrastive Divergence", 2002, replaces the model by k sweeps of Gibbs sampling from the data (CD-k); Tieleman,
"Training Restricted Boltzmann Machines using Approximations to the Likelihood Gradient", 2008, by a chain that is never
restarted (PCD), which the second move of a step advances. A label y enters as one softmax unit, E - d_y - U_y.h, learnt
jointly and clamped when sampling: given y, what remains is an RBM with hidden biases b + U_y. Where y is not given it is summed
over, p(v) = sum_y exp(d_y - F(v | y)) / sum_y exp(d_y) Z_y, and a sweep begins by drawing it from p(y | v).

At inverse temperature t the distribution lies between that of independent bits, a0 their log-odds in the training data, and
the RBM's:
    log p*_t(v) = (1 - t) a0.v + t a.v + sum_j softplus(t (b_j + U_yj + (v W)_j)).
Chains annealed from t = 0 to 1 draw samples of all modes, and estimate Z by annealed importance sampling.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.core.coupling import identity
from genlab.core.model import Claim, Given, LogProb, Model
from genlab.core.moves import Apply, Descend, Draws, Now, Readings, Stage
from genlab.core.noise import Noise, hashed
from genlab.core.recipe import setting
from genlab.core.space import Batch, Space, label_of
from genlab.maths.densities import bernoulli_quantile, categorical_quantile
from genlab.nets.units import dtype_of
from genlab.samplers.gibbs import Constant, annealed_importance, constant, inverse_temperatures, sweep_uniforms

ENUMERABLE = 20  # units: 2^20 states are summed in seconds
CHUNK = 2**14  # states at once while enumerating


@dataclass(frozen=True)
class RBMConfig:
    hidden: int = setting(256, "hidden bits", low=1, high=65536)
    negative_phase: Literal["pcd", "cd"] = setting(
        "pcd", "where training's samples start: a persistent chain (PCD) or the data (CD)"
    )
    gibbs_steps: int = setting(1, "k: Gibbs sweeps a training step", low=1, high=1000)
    chains: int = setting(128, "particles of the persistent chain", low=1, high=65536)
    sample_sweeps: int = setting(
        200, "sweeps of a sample; the first half anneals from independent bits to the model", low=2, high=100_000
    )
    ais_chains: int = setting(100, "scoring: chains of annealed importance sampling", low=2, high=100_000)
    ais_steps: int = setting(1000, "scoring: temperatures of annealed importance sampling", low=1, high=1_000_000)


class State(NamedTuple):
    """The state of a chain: v (B, visible) of zeros and ones, y (B,), -1 where not given, or None without labels."""

    v: Tensor
    y: Tensor | None = None


class RBM(Model):
    """Binary pictures. `log_prob` is exact while either side has at most 20 units, estimated otherwise."""

    training_state: ClassVar[tuple[str, ...]] = ("chain", "chain_label")
    bit_means: Tensor
    chain: Tensor
    chain_label: Tensor

    def __init__(self, config: RBMConfig, space: Space, given: dict[str, Space] | None = None):
        super().__init__(space, given)
        if space.kind != "binary":
            raise ValueError("rbm learns binary pictures, these have other levels: add --binarise threshold")
        self.config, visible, hidden = config, space.size, config.hidden
        self.classes = self.given[label_of(self.given)].levels if self.given else 0
        self.W = nn.Parameter(torch.randn(visible, hidden) * 0.01)
        self.a, self.b = nn.Parameter(torch.zeros(visible)), nn.Parameter(torch.zeros(hidden))
        if self.classes:
            self.U = nn.Parameter(torch.randn(self.classes, hidden) * 0.01)
            self.d = nn.Parameter(torch.zeros(self.classes))
        self.register_buffer("bit_means", torch.full((visible,), 0.5))
        self.register_buffer("chain", torch.randint(2, (config.chains, visible), dtype=torch.uint8))
        self.register_buffer("chain_label", torch.randint(max(self.classes, 1), (config.chains,)))
        self._log_z: tuple[bytes, Constant] | None = None

    @property
    def claim(self) -> Claim:
        return "exact" if min(self.space.size, self.config.hidden) <= ENUMERABLE else "estimate"

    # --- training ----------------------------------------------------------------------------------------------------

    def stages(self) -> Iterator[Stage]:
        weights = [self.W, self.a, self.b, *([self.U, self.d] if self.classes else [])]
        owned = [self.bit_means, self.chain, self.chain_label]
        yield Stage("fit", [Descend("gap", weights, self.loss), Apply("chain", owned, self.advance_chain)])

    def loss(self, batch: Batch, now: Now) -> tuple[Tensor, Readings]:
        """Free energy of the data minus that of the model's samples, whose gradient is that of -log p(v, y)."""
        data = self._state(batch.x, batch.given)
        with torch.no_grad():
            model = self._chain_state() if self.config.negative_phase == "pcd" else self._after_gibbs(data, now.noise)
            now.notes["v"] = data.v
        gap = self._joint_energy(data).mean() - self._joint_energy(model).mean()
        return gap, {"pseudo": self._pseudo_likelihood(data, now)}

    def advance_chain(self, batch: Batch, now: Now) -> Readings:
        """Sweep the persistent chain, alike on every process, and update the mean of the training bits."""
        seen = now.mean(now.notes["v"].mean(0))
        self.bit_means += (seen - self.bit_means) / (now.step + 1)
        if self.config.negative_phase == "cd":
            return {}
        state = self._chain_state()
        for _ in range(self.config.gibbs_steps):
            # Rows of noise belong to examples, particles do not: gather the global batch's and deal them out.
            width = math.ceil(len(self.chain) / len(now.gather(now.noise.uniform(()))))
            u = now.gather(now.noise.uniform((width, self._uniforms_per_sweep)))
            state = self._sweep(state, u.flatten(0, 1)[: len(self.chain)].to(state.v.dtype))
        moved = (state.v != self.chain).float().mean()
        self.chain.copy_(state.v)
        if state.y is not None:
            self.chain_label.copy_(state.y)
        return {"moved": moved}

    def _chain_state(self) -> State:
        return State(self.chain.to(self.W.dtype), self.chain_label if self.classes else None)

    def _after_gibbs(self, state: State, noise: Draws) -> State:
        for u in sweep_uniforms(self.config.gibbs_steps, self._uniforms_per_sweep, noise):
            state = self._sweep(state, u.to(state.v.dtype))
        return state

    @torch.no_grad()
    def _pseudo_likelihood(self, data: State, now: Now) -> Tensor:
        """Nats: visible units x mean log p(v_i | the others), for one unit i drawn for each example."""
        i = (now.noise.uniform(()) * self.space.size).long().clamp(max=self.space.size - 1).unsqueeze(1)
        flipped = data.v.scatter(1, i, 1 - data.v.gather(1, i))
        return self.space.size * F.logsigmoid(self._joint_energy(State(flipped, data.y)) - self._joint_energy(data)).mean()

    # --- energies and conditionals -----------------------------------------------------------------------------------

    def free_energy(self, state: State, beta: float = 1.0) -> Tensor:
        """-log p*_beta(v | y) up to the constant, (B,); every y must be given."""
        return -(state.v @ self._visible_bias(beta)) - F.softplus(beta * self._hidden_input(state)).sum(1)

    def _joint_energy(self, state: State) -> Tensor:
        """F(v, y), or F(v) where y is not given: (B,)."""
        if state.y is None:
            return self.free_energy(state)
        if not bool((state.y < 0).any()):
            return self.free_energy(state) - self.d[state.y]
        logits = self._label_logits(state.v)
        of_label = logits.gather(1, state.y.clamp(min=0)[:, None])[:, 0]
        return -(state.v @ self.a) - torch.where(state.y < 0, logits.logsumexp(1), of_label)

    def _label_logits(self, v: Tensor, beta: float = 1.0) -> Tensor:
        """log p_beta(y | v) up to a constant, (B, labels)."""
        hidden = self._hidden_biases() + (v @ self.W)[:, None]
        return self.d + F.softplus(beta * hidden).sum(2)

    def _with_label(self, state: State, u: Tensor, beta: float = 1.0) -> State:
        """The state with labels drawn from p_beta(y | v), by uniforms (B,), where they are not given."""
        if state.y is None or not bool((state.y < 0).any()):
            return state
        return state._replace(y=torch.where(state.y < 0, categorical_quantile(u, self._label_logits(state.v, beta)), state.y))

    def _hidden_input(self, state: State) -> Tensor:
        """b + U_y + v W, (B, hidden)."""
        shift = self.b if state.y is None else self.b + self.U[state.y]
        return shift + state.v @ self.W

    def _visible_bias(self, beta: float) -> Tensor:
        return self.a if beta == 1.0 else torch.lerp(self._base_logits(), self.a, beta)

    def _base_logits(self) -> Tensor:
        """a0, the log-odds of independent bits; probabilities are kept within [0.01, 0.99]."""
        return self.bit_means.clamp(0.01, 0.99).logit()

    def _sweep(self, state: State, u: Tensor, beta: float = 1.0, clamp_label: bool = False) -> State:
        """One block Gibbs sweep, h | v, y then v, y | h, with uniforms u (B, hidden + visible + 1)."""
        u_h, u_v, u_y = u.split([self.config.hidden, self.space.size, 1], 1)
        h = bernoulli_quantile(u_h, beta * self._hidden_input(self._with_label(state, u_y[:, 0], beta))).to(u.dtype)
        v = bernoulli_quantile(u_v, self._visible_bias(beta) + beta * (h @ self.W.T)).to(u.dtype)
        if state.y is None or clamp_label:
            return State(v, state.y)
        y = categorical_quantile(u_y[:, 0], self.d + h @ self.U.T)
        return State(v, torch.where(state.y < 0, -1, y))

    @property
    def _uniforms_per_sweep(self) -> int:
        return self.config.hidden + self.space.size + 1

    # --- scoring -----------------------------------------------------------------------------------------------------

    def log_prob(self, batch: Batch, *, noise: Draws) -> LogProb:
        """log p(x | y), or log p(x) where y is -1: (B,) nats.

        The chains that estimate Z have noise of their own, so that Z is the same for every batch.
        """
        state = self._state(batch.x, batch.given)
        log_z, error = self.log_partition()
        if state.y is None:
            log_z, nats = log_z[0], -self.free_energy(state)
        else:  # of v and y together: exp(d_y) Z_y, summed over y where it is not given
            by_label = log_z + self.d.to(log_z)
            log_z = torch.where(state.y < 0, by_label.logsumexp(0), by_label[state.y.clamp(min=0)])
            nats = -self._joint_energy(state)
        how = "exact" if self.claim == "exact" else self._how(error)
        return LogProb(nats - log_z.to(state.v.dtype), self.claim, how, tuple(self.given))

    def _how(self, error: Tensor) -> str:
        chains, temperatures = self.config.ais_chains, self.config.ais_steps
        return f"AIS, {chains} chains, {temperatures} temperatures, log Z ± {error.square().mean().sqrt():.2f}"

    @torch.no_grad()
    def log_partition(self) -> Constant:
        """log Z_y of each label (one number without labels), with standard errors (0 where exact); cached by the weights."""
        weights = [self.W, self.a, self.b, self.bit_means, *([self.U] if self.classes else [])]
        digest = hashlib.blake2b(b"".join(value.detach().cpu().numpy().tobytes() for value in weights)).digest()
        if self._log_z is None or self._log_z[0] != digest:
            self._log_z = digest, self.enumerated() if self.claim == "exact" else self.annealed()
        return self._log_z[1]

    def enumerated(self) -> Constant:
        """Z_y: a sum over all states of the smaller layer, with the larger one summed in closed form; in double precision."""
        a, W, b = self.a.double(), self.W.double(), self._hidden_biases().double()  # b: (labels, hidden)
        (inner, outer, M) = (b, a[None], W) if len(a) <= self.config.hidden else (a[None], b, W.T)
        total = torch.full((len(b),), -torch.inf, dtype=torch.float64, device=a.device)
        for states in every_state(len(M), a.device):
            there = (states @ M).unsqueeze(1) + inner  # (chunk, labels or 1, the other side)
            log_p = states @ outer.T + F.softplus(there).sum(2)
            total = torch.logaddexp(total, log_p.logsumexp(0))
        return Constant(total, torch.zeros_like(total))

    def annealed(self) -> Constant:
        """Z_y by annealed importance sampling from independent bits, all labels side by side."""
        labels, chains = max(self.classes, 1), self.config.ais_chains
        noise = Noise(hashed("partition function"), labels * chains, self.W.device, self.W.dtype)
        y = torch.arange(labels, device=self.W.device).repeat_interleave(chains) if self.classes else None
        v = bernoulli_quantile(noise.uniform((self.space.size,)), self._base_logits()).to(self.W.dtype)
        uniforms = sweep_uniforms(self.config.ais_steps, self._uniforms_per_sweep, noise)
        log_w = annealed_importance(
            v,
            inverse_temperatures(self.config.ais_steps),
            lambda v, beta: -self.free_energy(State(v, y), beta),
            lambda v, beta: self._sweep(State(v, y), next(uniforms), beta, clamp_label=True).v,
        )
        base = F.softplus(self._base_logits()).sum() + self.config.hidden * math.log(2)
        return constant(base.double(), log_w.reshape(labels, chains))

    def _hidden_biases(self) -> Tensor:
        """b + U_y of every label, (labels, hidden); one row without labels."""
        return self.b + self.U if self.classes else self.b[None]

    # --- sampling ----------------------------------------------------------------------------------------------------

    def sample(self, n: int, given: Given | None = None, *, noise: Draws, sample_sweeps: int | None = None) -> Iterator[Tensor]:
        """A frame a sweep: the first half of `sample_sweeps` anneals from independent bits to the model, the rest sample it."""
        yield from self._anneal(given, noise, sample_sweeps, identity)

    def complete(
        self, x: Tensor, mask: Tensor, given: Given | None = None, *, noise: Draws, sample_sweeps: int | None = None
    ) -> Iterator[Tensor]:
        """Frames of the same chain, with the bits where mask (B, *shape) is True clamped to those of x."""
        clamped, mask = x.flatten(1).to(self.W.dtype), mask.flatten(1)
        yield from self._anneal(given, noise, sample_sweeps, lambda v: torch.where(mask, clamped, v))

    def _anneal(
        self, given: Given | None, noise: Draws, sample_sweeps: int | None, clamp: Callable[[Tensor], Tensor]
    ) -> Iterator[Tensor]:
        """clamp: v -> v, with the bits that are known."""
        count = self.config.sample_sweeps if sample_sweeps is None else sample_sweeps
        if count < 2:
            raise ValueError(f"sample_sweeps must be at least 2, got {count}")
        v = bernoulli_quantile(noise.uniform((self.space.size,)), self._base_logits()).to(self.W.dtype)
        state = State(v, self._label(given))
        betas = inverse_temperatures(count // 2, count - count // 2)
        for beta, u in zip(betas, sweep_uniforms(count, self._uniforms_per_sweep, noise), strict=True):
            state = self._sweep(state._replace(v=clamp(state.v)), u.to(v.dtype), beta, clamp_label=True)
            yield self._picture(clamp(state.v))

    def encode(self, x: Tensor, given: Given | None = None, *, noise: Draws | None = None) -> Tensor:
        """Probabilities of the hidden bits, or with noise a draw of them: (B, *shape) -> (B, hidden)."""
        state = self._state(x, given)
        if noise is None and state.y is not None and bool((state.y < 0).any()):
            by_label = (self._hidden_biases() + (state.v @ self.W)[:, None]).sigmoid()  # (B, labels, hidden)
            p = torch.where((state.y < 0)[:, None], self._label_logits(state.v).softmax(1), F.one_hot(state.y % self.classes))
            return (p.to(by_label)[:, :, None] * by_label).sum(1)
        if noise is None:
            return self._hidden_input(state).sigmoid()
        u = noise.uniform((self.config.hidden + 1,)).to(state.v.dtype)
        logits = self._hidden_input(self._with_label(state, u[:, -1]))
        return bernoulli_quantile(u[:, :-1], logits).to(logits.dtype)

    def decode(self, z: Tensor, given: Given | None = None, *, noise: Draws | None = None) -> Tensor:
        """The likelier value of each bit given hidden bits or their probabilities, or with noise a draw."""
        logits = self.a + z.to(self.W.dtype) @ self.W.T
        return self._picture(logits > 0 if noise is None else bernoulli_quantile(noise.uniform((self.space.size,)), logits))

    def _picture(self, v: Tensor) -> Tensor:
        return v.to(dtype_of(self.space)).reshape(len(v), *self.space.shape)

    def _label(self, given: Given | None) -> Tensor | None:
        given = self.conditioned(given)
        return given[label_of(self.given)].to(self.W.device) if self.classes else None

    def _state(self, x: Tensor, given: Given | None) -> State:
        return State(x.flatten(1).to(self.W.dtype), self._label(given))


def every_state(bits: int, device: torch.device) -> Iterator[Tensor]:
    """All 2^bits states as float64 zeros and ones, in chunks (CHUNK, bits)."""
    places = torch.arange(bits, device=device)
    for start in range(0, 2**bits, CHUNK):
        numbers = torch.arange(start, min(start + CHUNK, 2**bits), device=device)
        yield (numbers[:, None] >> places & 1).double()
