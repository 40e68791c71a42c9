"""The game: what each turn sees, what it changes, what comes out, and that it finds a distribution."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
import torch
from torch import Tensor, nn

from genlab.core.fit import fit
from genlab.core.model import Encodes, Interpolates, Scores
from genlab.core.moves import Descend, Now
from genlab.core.noise import BatchNoise, Noise
from genlab.core.recipe import Budget
from genlab.core.space import Batch, Space
from genlab.measure.alarms import History
from genlab.models.adversarial.gan import GAN, GANConfig
from genlab.nets.units import dtype_of
from genlab.objectives.adversarial import LOSSES
from genlab.recipes.make import build, recipe_for
from genlab.runs.engine import Engine

BITS = Space((1, 2, 2), "CHW", "binary")
GREYS = Space((1, 2, 2), "CHW", "ordinal", 3)
PLANE = Space((2,), "D", "real", center=(1.0, -2.0), scale=(2.0, 0.5))
LABEL = Space((), "", "token", 3)
SMALL = GANConfig(latent=4, width=8)


def picture(height: int, width: int, channels: int = 1, levels: int = 256) -> Space:
    return Space((channels, height, width), "CHW", "ordinal", levels)


def some(space: Space, n: int, labels: int = 0) -> Batch:
    given = {"label": torch.arange(n) % labels} if labels else {}
    if space.kind == "real":
        return Batch(torch.randn(n, *space.shape), given)
    return Batch(torch.randint(space.levels, (n, *space.shape)).to(dtype_of(space)), given)


def now(n: int, progress: float = 0.0, seed: int = 0) -> Now:
    return Now(0, progress, BatchNoise(seed, n))


class Rows:
    """A source that gives fixed rows with fixed probabilities, (labels, rows)."""

    def __init__(self, space: Space, x: Tensor, p: Tensor | None = None):
        self.space, self.x = space, x
        self.p = torch.full((1, len(x)), 1 / len(x)) if p is None else p
        self.given = {"label": Space((), "", "token", len(self.p))} if len(self.p) > 1 else {}

    def count(self, split: str) -> int:
        return len(self.x)

    def stream(self, split: str, cursor: int, n: int) -> Batch:
        draws = BatchNoise(cursor, n).uniform((2,))
        label = (draws[:, 1] * len(self.p)).long()
        below = (self.p[label].cumsum(1) < draws[:, :1]).sum(1)  # the inverse of the distribution function
        index = below.clamp(max=len(self.x) - 1)
        return Batch(self.x[index], {"label": label} if self.given else {})

    once = stream


class Linear(nn.Module):
    """D(x) = w . x, whose slope is known."""

    def __init__(self, w: torch.Tensor):
        super().__init__()
        self.w = nn.Parameter(w)

    def forward(self, x, given=None):
        return x.flatten(1) @ self.w


# --- shapes and units ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [0, 3])
@pytest.mark.parametrize("conditioning", ["embedding", "norm"])
@pytest.mark.parametrize(
    "space",
    [
        picture(8, 8, 1, 17),
        picture(9, 13),
        picture(28, 28),
        picture(20, 31, 3),
        picture(64, 8),
        picture(7, 40),
        GREYS,
        BITS,
        PLANE,
    ],
    ids=lambda space: "x".join(map(str, space.shape)),
)
def test_samples_are_examples_of_the_space(space, conditioning, labels):
    model = GAN(replace(SMALL, conditioning=conditioning), space, {"label": LABEL} if labels else {})
    given = {"label": torch.arange(5) % 3} if labels else {}
    *_, x = model.sample(5, given, noise=Noise(0, 5))
    assert x.shape == (5, *space.shape)
    assert x.dtype == dtype_of(space)
    if space.discrete:
        assert int(x.max()) < space.levels
    u = torch.randn(5, *space.shape, requires_grad=True)
    scores = model.discriminator(u, given)
    assert scores.shape == (5,)
    (gradient,) = torch.autograd.grad(scores.sum(), u)
    assert (gradient != 0).flatten(1).float().mean() > 0.95  # the discriminator looks at every pixel, also of the last odd row
    assert (gradient[:, ..., -1] != 0).any()


def test_a_sample_does_not_depend_on_its_company():
    model = GAN(SMALL, picture(12, 10, 3), {"label": LABEL}).eval()
    label = torch.arange(6) % 3
    *_, together = model.sample(6, {"label": label}, noise=Noise(7, 6))
    *_, apart = model.sample(2, {"label": label[3:5]}, noise=Noise(7, [3, 4]))
    assert (together[3:5].int() - apart.int()).abs().max() <= 1


def test_labels_are_heard():
    for conditioning in ("embedding", "norm"):
        model = GAN(replace(SMALL, conditioning=conditioning), picture(8, 8), {"label": LABEL})
        z = torch.randn(1, 4).expand(3, 4)
        x = model.decode(z, {"label": torch.arange(3)}).float()
        assert (x[0] != x[1]).any()
        assert (x[1] != x[2]).any()
        with pytest.raises(ValueError, match="trained given label; label must be given"):
            model.decode(z)


@pytest.mark.parametrize("space", [PLANE, picture(8, 8)], ids=["points", "pictures"])
@pytest.mark.parametrize("spectral", [False, True])
def test_texts_reach_both_players(space, spectral):
    """A sample and its score move with the text and stay where only what stands behind its end does."""
    torch.manual_seed(0)
    model = GAN(replace(SMALL, spectral_norm=spectral), space, {"text": Space((4,), "T", "token", 4, end=3)})
    said = {"text": torch.tensor([[0, 1, 3, 3], [0, 1, 3, 2], [1, 0, 3, 3], [3, 3, 3, 3]])}
    u = model.generator(torch.randn(1, 4).expand(4, 4), said)
    scores = model.discriminator(u[:1].expand(4, *space.shape), said)
    assert scores.isfinite().all()
    for found in (u.flatten(1), scores[:, None]):
        torch.testing.assert_close(found[0], found[1])
        assert all((found[0] != found[row]).any() for row in (2, 3))


def test_the_discriminator_hears_the_label_by_projection():
    discriminator = GAN(SMALL, PLANE, {"label": LABEL}).discriminator
    x = torch.randn(4, 2)
    h = discriminator.body(x)
    given = {"label": torch.tensor([0, 1, 2, 0])}
    expected = discriminator.head.score(h)[:, 0] + (discriminator.head.cond.vector(given, 4) * h).sum(1)
    torch.testing.assert_close(discriminator(x, given), expected)


# --- what the discriminator sees --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", [BITS, GREYS, picture(8, 8, 1, 17)], ids=["bits", "greys", "digits"])
def test_levels_are_hidden_by_noise_as_wide_as_one(space):
    model = GAN(SMALL, space)
    batch = some(space, 400)
    u = model._real(batch, now(400))
    level = (u + 1) * ((space.levels - 1) / 2)
    assert (level.round() - batch.x).abs().max() <= 1e-3 + (level == level.floor() + 0.5).any()
    off = (level - batch.x).flatten()
    assert off.abs().max() <= 0.5 + 1e-5
    assert float(off.var()) == pytest.approx(1 / 12, rel=0.1)


def test_instance_noise_clears_as_training_goes_on():
    model = GAN(replace(SMALL, instance_noise=0.5), PLANE)
    batch = Batch(torch.zeros(4000, 2))
    spread = [
        float((model._real(batch, now(4000, progress)) - model._real(batch, now(4000, 1.0))).std()) for progress in (0, 0.5, 1)
    ]
    assert spread == pytest.approx([0.5, 0.25, 0.0], abs=0.02)


# --- turns -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("settings", "weight"), [({"r1": 3.0}, 1.5), ({"r1": 3.0, "r2": 2.0}, 2.5), ({"r1": 0.0}, 0.0)])
def test_r1_and_r2_of_a_linear_discriminator(settings, weight):
    model = GAN(replace(SMALL, **settings), PLANE)
    model.discriminator = Linear(torch.tensor([3.0, 4.0]))
    loss, readings = model._discriminator_loss(some(PLANE, 16), now(16))
    assert readings["penalty"].item() == pytest.approx(25 * weight, rel=1e-5)
    assert loss.item() == pytest.approx((readings["adversarial"] + readings["penalty"]).item(), rel=1e-6)


def test_a_penalty_of_every_fourth_step_counts_four_times():
    model = GAN(replace(SMALL, r1=3.0, r1_every=4), PLANE)
    model.discriminator = Linear(torch.tensor([3.0, 4.0]))
    assert model._discriminator_loss(some(PLANE, 16), now(16))[1]["penalty"] == 0
    assert model._r1_loss(some(PLANE, 16), now(16))[0].item() == pytest.approx(4 * 25 * 1.5, rel=1e-5)
    turns = [(move.name, move.every, move.optimiser) for move in next(model.stages()).moves if isinstance(move, Descend)]
    assert turns == [("discriminator", 1, "discriminator"), ("r1", 4, "discriminator"), ("generator", 1, "generator")]


def test_the_discriminator_sees_changed_pictures_where_asked():
    space = picture(16, 16, 3)
    batch, plain, changed = some(space, 8), GAN(SMALL, space), GAN(replace(SMALL, augment=True), space)
    changed.load_state_dict(plain.state_dict())
    for shown in (lambda model: model._real(batch, now(8)), lambda model: model._fake({}, now(8))):
        assert (shown(changed) - shown(plain)).abs().mean() > 0.1
    GAN(replace(SMALL, augment=True), PLANE)._real(some(PLANE, 4), now(4))


def test_the_gradient_penalty_of_a_linear_discriminator():
    model = GAN(replace(SMALL, loss="wasserstein-gp", gradient_penalty=10.0), PLANE)
    model.discriminator = Linear(torch.tensor([3.0, 4.0]))
    _, readings = model._discriminator_loss(some(PLANE, 16), now(16))
    assert readings["penalty"].item() == pytest.approx(160, rel=1e-5)
    assert readings["adversarial"].item() == pytest.approx((readings["fake"] - readings["real"]).item(), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_a_perfect_discriminator_is_reported_where_its_scores_classify_and_raises_an_alarm_only_there(name):
    model = GAN(replace(SMALL, loss=name, r1=0.0), PLANE)
    model.discriminator = Linear(torch.tensor([1.0, 0.0]))
    model._fake = lambda given, now: torch.full((16, 2), -50.0)
    history = History()
    for step in range(50):
        _, readings = model._discriminator_loss(Batch(torch.full((16, 2), 50.0)), now(16))
        history.add_readings(step / 49, step, {f"discriminator.{key}": value.item() for key, value in readings.items()})
    assert readings["real"] > readings["fake"]
    assert [alarm.kind for alarm in history.alarms()] == ([] if "wasserstein" in name else ["discriminator saturated"])


VARIANTS = [{"loss": name} for name in LOSSES] + [
    {"spectral_norm": True, "loss": "hinge", "r1": 0.0},
    {"label_smoothing": 0.1, "instance_noise": 0.3, "r2": 1.0},
    {"discriminator_steps": 3},
    {"r1_every": 2, "augment": True},
]


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
@pytest.mark.parametrize("space", [PLANE, picture(8, 9, 1, 17)], ids=["plane", "picture"])
def test_every_turn_changes_its_own_player_only(space, settings):
    data = Rows(space, some(space, 40).x)
    model = GAN(replace(SMALL, **settings), space)
    recipe = replace(recipe_for("gan", space, {}), model=model.config, budget=Budget(steps=4), batch=8)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    players: list[str] = []
    for tick in fit(model, data, recipe, Engine("cpu")):
        after = {name: value.clone() for name, value in model.state_dict().items()}
        changed = {name.split(".")[0] for name in after if not torch.equal(after[name], before[name])}
        assert changed <= {"generator" if tick.move == "generator" else "discriminator"}
        assert changed or tick.move == "weight_clip"
        assert all(value.isfinite().all() for value in after.values())
        if tick.move == "weight_clip":
            assert max(float(p.abs().max()) for p in model.discriminator.parameters()) <= model.config.weight_clip + 1e-9
        before = after
        players.append(tick.move)
    assert players.count("discriminator") == 4
    assert players.count("generator") == 4 // model.config.discriminator_steps


def test_every_parameter_has_a_gradient():
    model = GAN(replace(SMALL, conditioning="norm"), picture(17, 18, 3), {"label": LABEL})
    batch = some(model.space, 6, labels=3)
    for turn, owner in ((model._discriminator_loss, model.discriminator), (model._generator_loss, model.generator)):
        model.zero_grad()
        turn(batch, now(6))[0].backward()
        for name, parameter in owner.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


def test_a_turn_is_a_function_of_batch_and_noise():
    model = GAN(SMALL, picture(8, 8, 1, 17), {"label": LABEL})
    batch = some(model.space, 6, labels=3)
    assert model._discriminator_loss(batch, now(6))[0].equal(model._discriminator_loss(batch, now(6))[0])
    assert not model._discriminator_loss(batch, now(6))[0].equal(model._discriminator_loss(batch, now(6, seed=1))[0])


def test_smoothing_is_refused_where_it_means_nothing():
    with pytest.raises(ValueError, match=r"model\.label_smoothing=0"):
        GAN(replace(SMALL, loss="hinge", label_smoothing=0.1), PLANE)


# --- latents ---------------------------------------------------------------------------------------------------------


def test_it_interpolates_and_claims_no_likelihood():
    model = GAN(SMALL, PLANE)
    assert isinstance(model, Interpolates)
    assert not isinstance(model, Scores | Encodes)
    a, b = model.draw(2, noise=Noise(0, 2))[:, None]
    assert model.between(a, b, 0.0).allclose(a, atol=1e-6)
    assert model.between(a, b, 1.0).allclose(b, atol=1e-6)


# --- it works --------------------------------------------------------------------------------------------------------


def fitted(data: Rows, steps: int, **settings: object) -> GAN:
    recipe = recipe_for("gan", data.space, data.given, {f"model.{key}": value for key, value in settings.items()})
    recipe = replace(recipe, budget=Budget(steps=steps), batch=64)
    model, engine = build(recipe, data.space, data.given), Engine("cpu")
    for _ in fit(model, data, recipe, engine):
        pass
    engine.average.swap()
    assert isinstance(model, GAN)
    return model


@torch.no_grad()
def drawn(model: GAN, n: int, label: int | None = None) -> torch.Tensor:
    given = None if label is None else {"label": torch.full((n,), label)}
    *_, x = model.sample(n, given, noise=Noise(1, n))
    return x


def test_it_finds_a_table_of_bits_for_each_label():
    x = torch.tensor(list(product((0, 1), repeat=3)), dtype=torch.uint8).reshape(8, 1, 1, 3)
    p = torch.tensor([[6.0, 1, 1, 2, 1, 2, 2, 1], [1, 2, 4, 1, 1, 1, 1, 5]]) / 16
    model = fitted(Rows(Space((1, 1, 3), "CHW", "binary"), x, p), 600)
    for label in (0, 1):
        same = (drawn(model, 4000, label).flatten(1)[:, None] == x.flatten(1)[None]).all(2).float().mean(0)
        apart = 0.5 * float((same - p[label]).abs().sum())  # total variation
        assert apart < 0.2  # the uniform table is 0.28 away, the other label's 0.5


def test_it_finds_a_gaussian_in_awkward_units():
    chol = torch.tensor([[2.0, 0.0], [0.3, 0.4]])
    x = Noise(3, 4000).normal((2,)) @ chol.T + torch.tensor([1.0, -2.0])
    found = drawn(fitted(Rows(PLANE, x), 400), 4000)
    assert found.mean(0) == pytest.approx(x.mean(0), abs=0.25)
    torch.testing.assert_close(found.T.cov(), chol @ chol.T, atol=0.15, rtol=0.2)
