"""Each rule speaks for what it is about, once, and stays silent for what merely has not been learnt yet."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from genlab.core.recipe import settings
from genlab.core.space import Space
from genlab.measure import alarms
from genlab.measure.alarms import Alarm, Checkup, History
from genlab.measure.copies import USUAL
from genlab.measure.score import Score
from genlab.recipes.index import MODELS
from genlab.recipes.make import recipe_for


def score(name: str, value: float, half: float = 0.01, better: Any = "lower") -> Score:
    return Score(name, value, {}, better, low=value - half, high=value + half)


def told(history: History, progress: float, readings: dict[str, float] | None = None, **scores: float) -> list[Alarm]:
    if readings is not None:
        history.add_readings(progress, 10 * progress, readings)
    if scores:
        found = {name.replace("_", " "): score(name.replace("_", " "), value) for name, value in scores.items()}
        history.add_checkup(Checkup(progress, 10 * progress, int(1000 * progress), 256, found))
    return history.alarms()


def run(at: Callable[[float], dict[str, Any]], marks: int = 20) -> list[Alarm]:
    history = History()
    return [alarm for mark in range(1, marks + 1) for alarm in told(history, mark / marks, **at(mark / marks))]


def kinds(alarms: Sequence[Alarm]) -> list[str]:
    return [alarm.kind for alarm in alarms]


def test_variety_that_is_lost_is_reported_at_once_and_once() -> None:
    alarms = run(lambda p: {"squared_MMD": 0.1, "coverage": 0.9 if p <= 0.5 else 0.1, "precision": 0.5})
    assert kinds(alarms) == ["collapse"]
    assert alarms[0].progress == pytest.approx(0.55)
    assert "10%" in alarms[0].sentence
    assert "90%" in alarms[0].sentence
    assert alarms[0].curve == "coverage"
    assert "--best" in alarms[0].remedy


def test_one_bad_check_up_is_no_collapse() -> None:
    """Where it lost a third; a third that stays lost is one."""
    assert not run(lambda p: {"squared_MMD": 0.1, "coverage": 0.55 if p == 0.5 else 0.9, "precision": 0.5})
    alarms = run(lambda p: {"squared_MMD": 0.1, "coverage": 0.55 if p >= 0.5 else 0.9, "precision": 0.5})
    assert kinds(alarms) == ["collapse"]
    assert alarms[0].progress == pytest.approx(0.55)


def test_a_little_less_variety_is_not_lost_variety() -> None:
    assert not run(lambda p: {"squared_MMD": 0.1, "coverage": 0.9 if p < 0.5 else 0.75, "precision": 0.5})
    assert not run(lambda p: {"squared_MMD": 0.1, "coverage": 0.9 if p <= 0.5 else 0.1}, 2)  # two check-ups are too few


def test_variety_that_was_never_there_or_that_chance_may_have_taken_is_not_lost() -> None:
    assert not run(lambda p: {"squared_MMD": 0.1, "coverage": 0.3 if p <= 0.5 else 0.02, "precision": 0.2})
    history = History()
    for progress, value in ((0.3, 0.9), (0.4, 0.9), (0.5, 0.3), (0.6, 0.3)):
        found = score("coverage", value, half=0.31)
        history.add_checkup(Checkup(progress, 5.0, 500, 16, {found.name: found}))
        assert not history.alarms()


def test_good_looking_samples_of_a_few_kinds() -> None:
    few = run(lambda p: {"squared_MMD": 0.1, "coverage": 0.15, "precision": 0.8})
    assert kinds(few) == ["little variety"]
    assert few[0].progress <= 0.3
    assert not run(lambda p: {"squared_MMD": 0.1, "coverage": 0.15, "precision": 0.2})  # merely untrained
    assert not run(lambda p: {"squared_MMD": 0.1, "coverage": 0.1 + 0.4 * p, "precision": 0.9})  # still learning
    assert not run(lambda p: {"squared_MMD": 0.1, "coverage": 0.5, "precision": 0.9})  # half of them are not few


def test_where_modes_are_known_they_decide() -> None:
    def known(modes: float, good: float) -> list[Alarm]:
        scores = {"share_of_modes_covered": modes, "share_of_good_samples": good, "coverage": 0.15, "precision": 0.8}
        return run(lambda p: {"squared_MMD": 0.1, **scores})

    (alarm,) = known(0.6, 0.8)
    assert (alarm.kind, alarm.curve) == ("little variety", "share of modes covered")
    assert "60% of the modes" in alarm.sentence
    assert not known(0.6, 0.4)
    assert not known(0.8, 0.8)


def test_samples_that_are_all_alike() -> None:
    assert kinds(run(lambda p: {"squared_MMD": 0.1, "coverage": 0.1, "precision": 0.1, "spread": 0.05})) == ["all alike"]
    assert not run(lambda p: {"squared_MMD": 0.1, "spread": 0.2})
    assert not run(lambda p: {"squared_MMD": 0.1, "spread": 0.01 + 0.4 * p})  # still learning
    lost = run(lambda p: {"squared_MMD": 0.1, "coverage": 0.9 if p <= 0.5 else 0.1, "spread": 0.9 if p <= 0.5 else 0.05})
    assert kinds(lost) == ["collapse"]  # says it all


def test_getting_worse_names_the_best_moment() -> None:
    alarms = run(lambda p: {"squared_MMD": 0.1 if p < 0.5 else 0.5})
    assert kinds(alarms) == ["worse"]
    assert "0.1 at 20% of the run" in alarms[0].sentence
    assert not run(lambda p: {"squared_MMD": 1.0 - 0.9 * p})
    late = run(lambda p: {"squared_MMD": 0.1 if 0.4 < p < 0.6 else 0.5})  # the best need not be the first
    assert kinds(late) == ["worse"]
    assert "0.1 at 45% of the run" in late[0].sentence


@pytest.mark.parametrize(
    "value",
    [
        lambda p: 0.01 if p < 0.2 else 0.5,  # fumbling
        lambda p: 0.5 if p == 0.5 else 0.1,  # one check-up
        lambda p: 0.02 if p < 0.5 else 0.035,  # intervals that overlap
        lambda p: 1.0 if p < 0.5 else 1.3,  # not much
    ],
)
def test_what_is_not_clearly_worse_is_left_in_peace(value: Callable[[float], float]) -> None:
    assert not run(lambda p: {"squared_MMD": value(p)})


def test_copies() -> None:
    assert kinds(run(lambda p: {"quality": 0.1, "copied_training_pictures": 0.3 * p})) == ["copies"]
    assert not run(lambda p: {"quality": 0.1, "copied_training_pictures": 0.0})
    assert not run(lambda p: {"quality": 0.1, "copied_training_pictures": 0.3 if p == 0.5 else 0.0})  # by chance
    assert not run(lambda p: {"quality": 0.1, "copied_training_pictures": 0.018})  # hardly any


@pytest.mark.parametrize(("usual", "raised"), [(0.03, ["copies"]), (0.05, [])])
def test_no_more_copies_than_real_pictures_make(usual: float, raised: list[str]) -> None:
    """Pictures of a few bits coincide by themselves."""
    history = History()
    found = Score("copied training pictures", 0.06, {}, "lower", low=0.04, high=0.09, detail={USUAL: usual})
    history.add_checkup(Checkup(0.5, 5.0, 500, 256, {found.name: found}))
    assert kinds(history.alarms()) == raised


@pytest.mark.parametrize(
    ("reading", "bad", "good", "kind"),
    [
        ("elbo.kl", 0.001, 5.0, "posterior collapse"),
        ("codebook.codebook usage", 0.01, 0.4, "codebook collapse"),
        ("discriminator.real-vs-fake accuracy", 1.0, 0.97, "discriminator saturated"),
    ],
)
def test_readings_that_stay_where_nothing_is_learnt(reading: str, bad: float, good: float, kind: str) -> None:
    alarms = run(lambda p: {"readings": {reading: bad}}, 100)
    assert kinds(alarms) == [kind]
    assert alarms[0].progress == pytest.approx(0.2)
    assert alarms[0].curve == reading
    assert not run(lambda p: {"readings": {reading: good}}, 100)
    assert not run(lambda p: {"readings": {reading: bad if p < 0.15 else good}}, 100)
    assert not run(lambda p: {"readings": {reading: bad if p == 0.5 else good}}, 100)


def test_readings_of_a_later_stage_and_of_similar_names_are_not_hasty() -> None:
    assert not run(lambda p: {"readings": {} if p < 0.5 else {"elbo.kl": 0.001 if p < 0.55 else 5.0}}, 100)
    assert not run(lambda p: {"readings": {"elbo.kl weight": 0.0}}, 100)


def test_gradients_that_explode_or_vanish() -> None:
    assert kinds(run(lambda p: {"readings": {"elbo.gradient": 1.0 if p < 0.6 else 1e4}}, 100)) == ["exploding gradient"]
    assert kinds(run(lambda p: {"readings": {"elbo.gradient": 1.0 if p < 0.6 else 0.0}}, 100)) == ["vanishing gradient"]
    assert not run(lambda p: {"readings": {"elbo.gradient": 1.0 + (int(100 * p) % 10) * 5}}, 100)
    assert not run(lambda p: {"readings": {"elbo.gradient": 1e4 if p == 0.7 else 1.0}}, 100)  # one bad batch
    assert not run(lambda p: {"readings": {"elbo.gradient": 1.0 if p < 0.6 else 1e4}}, 20)  # two readings are too few to tell
    lasting = run(lambda p: {"readings": {"elbo.gradient": 1e4 if p == 0.3 else 1.0 if p < 0.6 else 1e3}}, 100)
    assert kinds(lasting) == ["exploding gradient"]  # a bad batch long ago does not hide it
    assert kinds(run(lambda p: {"readings": {"elbo.gradient": 0.0 if p < 0.6 else 1.0}}, 100)) == ["vanishing gradient"]
    for other in (10.0, 1e-3):  # not as before, and yet usual
        assert not run(lambda p, other=other: {"readings": {"elbo.gradient": 1.0 if p < 0.6 else other}}, 100)
    assert not run(lambda p: {"readings": {"elbo.gradient": 1e-3 if round(100 * p) % 10 == 0 else 1.0}}, 100)


def test_a_loss_that_leaves_its_range_and_stays_away() -> None:
    def noisy(p: float) -> float:
        return 2.0 - p + 0.3 * (int(100 * p) % 7) / 7

    alarms = run(lambda p: {"readings": {"fit.loss": noisy(p) if p < 0.6 else 50.0}}, 100)
    assert kinds(alarms) == ["diverged"]
    assert 0.6 < alarms[0].progress <= 0.71
    assert "50 now" in alarms[0].sentence
    assert not run(lambda p: {"readings": {"fit.loss": noisy(p) if p != 0.6 else 50.0}}, 100)  # one bad batch
    assert not run(lambda p: {"readings": {"fit.loss": 3 - noisy(p)}}, 100)  # it rises, as a discriminator's may
    assert not run(lambda p: {"readings": {"fit.loss": 2.0 if p < 0.6 else 2.1}}, 100)
    assert not run(lambda p: {"readings": {"fit.loss": 2.0 if p < 0.6 else 50.0}}, 20)  # two readings are too few to tell
    assert not run(lambda p: {"readings": {"fit.loss": 2.0 if p < 0.3 else 50.0}}, 40)  # and so is what is known of before


def test_check_ups_come_back_from_json() -> None:
    history = History()
    told(history, 0.5, squared_MMD=0.1, coverage=0.9)
    (checkup,) = history.checkups
    assert Checkup.from_json(checkup.to_json()) == checkup


def test_remedies_name_settings_that_exist() -> None:
    """Of some recipe, each with the value that is advised."""
    picture = Space((1, 16, 16), "CHW", "ordinal", 256)
    known = {
        key
        for row in MODELS
        if row.family != "energy" and "pictures" in row.kinds
        for key in settings(recipe_for(row.name, picture, {}))
    }
    advised = re.findall(r"--set ([\w.]+)=", inspect.getsource(alarms))
    assert len(advised) >= 5
    assert set(advised) <= known
