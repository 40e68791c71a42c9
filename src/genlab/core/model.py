"""The contract: a Model yields Stages and samples. Everything else is an optional capability.

A capability is a Protocol: a command or a button exists when `isinstance(model, Scores)` says so, so no model carries
stubs that raise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from inspect import signature
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

from torch import Tensor, nn

from genlab.core.moves import Draws, Stage
from genlab.core.space import Batch, Space

Claim = Literal["exact", "lower", "estimate"]
CLAIMS: dict[Claim, str] = {"exact": "exact", "lower": "bound", "estimate": "estimate"}  # as readers see them, of -log p
Given = Mapping[str, Tensor]
OTHER = "other"  # the second domain of unpaired data: seen in training, never what a sample is given


class LogProb(NamedTuple):
    """A claim about log p(x | given), never negated."""

    nats: Tensor  # (B,)
    claim: Claim
    how: str  # "exact", "ELBO", "IW-5000", "ODE, Hutchinson, uniform dequantisation", ...
    given: tuple[str, ...] = ()  # the conditions it was given


class Model(nn.Module, ABC):
    """A distribution that can be trained and sampled.

    A subclass is built as `Class(config, space, given)`; every module, parameter and buffer exists since `__init__`.

    needs   conditions without which it cannot be: ("source",), ("text",)
    uses    conditions it takes where the data have them; `needs` count among them

    What a half-trained model is, such as the resolution it has grown to and how far the newest block has faded in, is a buffer
    that an `Apply` owns, never an attribute: a checkpoint is sampled without replaying the stages that led to it. Attributes
    that `stages()` sets are known to training alone. Buffers are changed in place, not through `.data`: that would escape
    notice where a move does not own them.

    training_state    of this and of any module in it: names of its buffers that only training needs, as replay pools and
                      chains. They are resumed, and never published with the weights: sampling must do without them
    missing           whether it learns from examples with missing entries, as Batch.seen says
    """

    needs: ClassVar[tuple[str, ...]] = ()
    uses: ClassVar[tuple[str, ...]] = ("label",)
    training_state: ClassVar[tuple[str, ...]] = ()
    missing: ClassVar[bool] = False
    space: Space
    given: Mapping[str, Space]

    def __init__(self, space: Space, given: Mapping[str, Space] | None = None):
        super().__init__()
        self.space, self.given = space, dict(given or {})

    def conditioned(self, given: Given | None) -> Given:
        """`given`, checked to hold every condition that the model was built with; ValueError names one that is missing."""
        given, spaces = given or {}, taken(self.given)
        missing = [name for name in spaces if name not in given]
        if missing:
            example = ", ".join(f"{name!r}: {('n', *space.shape)}".replace("'n'", "n") for name, space in spaces.items())
            raise ValueError(
                f"this model was trained given {' and '.join(spaces)}; {' and '.join(missing)} must be given, too: "
                f"given={{{example}}}, where a label of -1 and an empty text stand for nothing"
            )
        return given

    @abstractmethod
    def stages(self) -> Iterator[Stage]:
        """Ordinary Python between two yields: growth, freezing, hand-over. Replayed when a run is resumed."""

    @abstractmethod
    def sample(self, n: int, given: Given | None = None, *, noise: Draws, **options: Any) -> Iterator[Tensor]:
        """Frames (n, *space.shape) in the data's units; every frame is a sample, the last is the result."""


def taken(given: Mapping[str, Space]) -> dict[str, Space]:
    """Those of the conditions a model was built with that a sample is given."""
    return {key: space for key, space in given.items() if key != OTHER}


def training_state(model: nn.Module) -> set[str]:
    """Full names of the buffers that only training needs."""
    modules = model.named_modules()
    return {f"{path}.{name}".lstrip(".") for path, module in modules for name in getattr(module, "training_state", ())}


@runtime_checkable
class Scores(Protocol):
    """Computes a likelihood, with a claim about what the number is."""

    claim: Claim

    def log_prob(self, batch: Batch, *, noise: Draws) -> LogProb: ...


@runtime_checkable
class Encodes(Protocol):
    """Has latents: encode (B, *shape) -> (B, *latent) and back; reconstructions follow."""

    def encode(self, x: Tensor, given: Given | None = None, *, noise: Draws | None = None) -> Tensor: ...
    def decode(self, z: Tensor, given: Given | None = None, *, noise: Draws | None = None) -> Tensor: ...


@runtime_checkable
class Interpolates(Protocol):
    """Walks between latents: `interpolate(a, b, steps)` on two latents gives (steps, *latent)."""

    def draw(self, n: int, *, noise: Draws) -> Tensor: ...
    def decode(self, z: Tensor, given: Given | None = None, *, noise: Draws | None = None) -> Tensor: ...
    def between(self, a: Tensor, b: Tensor, share: float) -> Tensor: ...


@runtime_checkable
class Completes(Protocol):
    """Fills the entries where mask (B, *shape) is False, keeping the others."""

    def complete(
        self, x: Tensor, mask: Tensor, given: Given | None = None, *, noise: Draws, **options: Any
    ) -> Iterator[Tensor]: ...


@runtime_checkable
class Shards(Protocol):
    """Can be cut among processes: one Descend, and parts that compute one after another, each gathered while it computes."""

    def blocks(self) -> Iterable[nn.Module]: ...


CAPABILITIES: dict[str, type] = {  # by the name that users read
    "complete": Completes,
    "reconstruct": Encodes,
    "interpolate": Interpolates,
    "shard": Shards,
}


def capabilities(model: type[Model]) -> tuple[str, ...]:
    """What a model can do besides being trained and sampled; "guidance" where sampling can exaggerate its conditions."""
    found = tuple(name for name, protocol in CAPABILITIES.items() if issubclass(model, protocol))
    return (*found, *(("guidance",) if "guidance" in signature(model.sample).parameters else ()))


def used(model: type[Model], given: Mapping[str, Space], name: str = "") -> dict[str, Space]:
    """The conditions of some data that a model is built with, in the data's order.

    name   of the model, for the message
    ValueError where the data lack a condition that it needs.
    """
    meets(model.needs, given, name or model.__name__)
    return {key: space for key, space in given.items() if key in model.needs or key in model.uses}


def meets(needs: Sequence[str], given: Mapping[str, Space], name: str) -> None:
    """ValueError unless every condition that the model of this name needs is given."""
    missing = [need for need in needs if need not in given]
    if missing:
        there = f"; they give {', '.join(given)}" if given else ""
        raise ValueError(f"{name} needs data that give {' and '.join(missing)} with every example, these do not{there}")
