"""Strings of Markov chains, for tests: probability and entropy are exact.

A chain of order k over A symbols has transitions P (A^k, A): row c is the distribution after the context c, the k symbols
before, the oldest first, as a number to the base A. A string starts in the stationary distribution pi of contexts, so

    log p(x) = log pi(x_1 ... x_k) + sum_{t > k} log P(x_t | x_{t-k} ... x_{t-1}),     H = H(pi) + (T - k) h,

with h = -sum_c pi(c) sum_a P(a | c) log P(a | c) nats a symbol. Words end instead: `end` is a symbol, every symbol after it is
`end` at no cost, and a word that has not ended before its last position ends there for certain.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from genlab.data.drawn import Drawn
from genlab.data.options import Request
from genlab.data.tokenizer import Characters

LENGTH, LONGEST = 16, 1024  # symbols of a string


class Chain(NamedTuple):
    symbols: str  # the alphabet; an end symbol follows it where rows are one longer
    order: int
    rows: tuple[tuple[float, ...], ...]  # (A^order, A): transitions; words: (A + 1, A + 1), the first letter's row last


CHAINS: dict[str, Chain] = {
    "coin": Chain("HT", 0, ((0.75, 0.25),)),
    "weather": Chain("src", 1, ((0.7, 0.1, 0.2), (0.3, 0.5, 0.2), (0.3, 0.3, 0.4))),
    "syllables": Chain("bdao", 2, tuple(
        # after a consonant a vowel, after two vowels a consonant; the second letter back decides which
        (0.05, 0.05, 0.9 - 0.2 * first, 0.2 * first) if second < 2 else
        (0.8 - 0.6 * (first % 2), 0.1 + 0.6 * (first % 2), 0.05, 0.05) if first < 2 else (0.3, 0.7, 0.0, 0.0)
        for first in range(4) for second in range(4)
    )),
    "words": Chain("abc", 1, (
        (0.1, 0.4, 0.2, 0.3), (0.5, 0.1, 0.2, 0.2), (0.3, 0.3, 0.3, 0.1), (0.0, 0.0, 0.0, 1.0), (0.5, 0.3, 0.2, 0.0),
    )),
}  # fmt: skip


def stationary(p: np.ndarray, order: int) -> np.ndarray:
    """pi of the contexts of a chain with transitions p (A^k, A): the eigenvector of eigenvalue 1, (A^k,)."""
    contexts, symbols = p.shape
    step = np.zeros((contexts, contexts))
    for c in range(contexts):
        for a in range(symbols):
            step[c, (c * symbols + a) % contexts] += p[c, a]
    values, vectors = np.linalg.eig(step.T)
    pi = np.real(vectors[:, np.abs(values - 1).argmin()])
    return pi / pi.sum()


class Strings(Drawn):
    """One of CHAINS: log_prob (B, T) -> (B,) nats; entropy in nats a scored symbol, the floor of nats/character."""

    def __init__(self, request: Request):
        chain = CHAINS[request.name.removeprefix("strings/")]
        ends = len(chain.rows[0]) > len(chain.symbols)
        super().__init__(request, "lines" if ends else "text")
        request.options.suit(self.name, "strings")
        self.width = request.options.length or LENGTH
        if not chain.order < self.width <= LONGEST:
            raise ValueError(f"--length of {self.name} must be from {chain.order + 1} to {LONGEST}, got {self.width}")
        self.order, self.p = chain.order, np.array(chain.rows)
        names = (*chain.symbols, "\n") if ends else tuple(chain.symbols)
        self.tokenizers = {"x": Characters(names, end=len(names) - 1 if ends else None)}
        self.space = self.tokenizers["x"].space(self.width)
        self.first = np.eye(len(self.p))[-1] if ends else stationary(self.p, self.order)  # of contexts, before any symbol
        self.entropy = self._entropy_of_words() if ends else self._entropy_of_strings()

    def make(self, u: np.ndarray) -> np.ndarray:
        levels, end = self.space.levels, self.space.end
        edges = self.p.cumsum(1)
        context = np.minimum((u[:, :1] >= self.first.cumsum()).sum(1), len(self.p) - 1)
        x = np.empty(u.shape, np.int64)
        start = 0 if end is not None else self.order
        for t in range(start):  # the first context, spelt out: its uniform number was the first one
            x[:, t] = context // levels ** (self.order - 1 - t) % levels
        for t in range(start, self.width):
            x[:, t] = np.minimum((u[:, t : t + 1] >= edges[context]).sum(1), levels - 1)
            context = x[:, t] if end is not None else (context * levels + x[:, t]) % len(self.p)
        if end is not None:
            x[:, -1] = end
        return x

    def log_prob(self, x: Tensor) -> Tensor:
        """Exact nats of strings (B, T), (B,) float64; -inf for what cannot occur."""
        with np.errstate(divide="ignore"):
            rows = np.log(self.p)
            first = np.log(self.first)
        tokens, levels, end = x.cpu().numpy(), self.space.levels, self.space.end
        if end is not None:
            contexts = np.concatenate([np.full((len(tokens), 1), len(self.p) - 1), tokens[:, :-1]], 1)
            nats = rows[contexts, tokens]
            nats[:, -1] = np.where(tokens[:, -1] == end, 0.0, -math.inf)
            return torch.from_numpy(nats.sum(1))
        context = np.zeros(len(tokens), np.int64)
        for t in range(self.order):
            context = context * levels + tokens[:, t]
        nats = first[context]
        for t in range(self.order, self.width):
            nats = nats + rows[context, tokens[:, t]]
            context = (context * levels + tokens[:, t]) % len(self.p)
        return torch.from_numpy(nats)

    def _entropy_of_strings(self) -> float:
        h = float(self.first @ _entropies(self.p))
        return (float(_entropies(self.first[None])[0]) + (self.width - self.order) * h) / self.width

    def _entropy_of_words(self) -> float:
        """E[nats] / E[symbols], as both are summed over a corpus: the last position is free but counted."""
        alive, nats, symbols = self.first, 0.0, 0.0
        for t in range(self.width):
            symbols += alive.sum()
            if t < self.width - 1:
                nats += float(alive @ _entropies(self.p))
                alive = np.append((alive @ self.p)[:-1], (0.0, 0.0))
        return nats / symbols


def _entropies(rows: np.ndarray) -> np.ndarray:
    """Nats of every row (n, A) of probabilities, (n,)."""
    return -(rows * np.log(np.where(rows > 0, rows, 1))).sum(-1)
