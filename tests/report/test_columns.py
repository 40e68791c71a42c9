"""The table has every number in its group, leading ones first, and behind each how it was made."""

from __future__ import annotations

from dataclasses import replace

from genlab.comparison.ranking import grouped
from genlab.comparison.rows import Record, names_of
from genlab.report.cards import slugs
from genlab.report.columns import Cell, Detail, ScoreTable, flat, protocols, table
from tests.report.fakes import EVERYTHING, FRECHET, bits, distance, everything, four, record, row, score


def made(said: Record) -> ScoreTable:
    names = names_of(said.rows)
    return table(said, grouped(said.rows), dict.fromkeys(names, 0), slugs(names))


def cell(said: Record, name: str, title: str) -> Cell:
    whole = made(said)
    place = next(place for place, column in enumerate(whole.columns) if column.title.startswith(title))
    return next(line for line in whole.lines if line.name == name).cells[place]


def detail(said: Record, name: str, title: str) -> Detail:
    found = cell(said, name, title).detail
    assert found is not None
    return found


def test_columns_stand_in_groups_with_the_ranked_ones_first() -> None:
    whole = made(everything())
    assert [head.title for head in whole.heads] == ["Likelihood", "Quality", "Coverage", "Memory", "Labels", "Speed and cost"]
    asked = [column.question for column in whole.columns]
    assert asked == sorted(asked, key=["likelihood", "quality", "coverage", "copying", "labels", "speed"].index)
    assert [head.all for head in whole.heads] == [asked.count(question) for question in dict.fromkeys(asked)]
    assert [head.shown for head in whole.heads] == [1, 2, 1, 1, 0, 3]
    quality = [column for column in whole.columns if column.question == "quality"]
    assert [column.better == "" for column in quality] == sorted(column.better == "" for column in quality)
    assert quality[0].title == FRECHET
    assert [column.more for column in quality[:3]] == [False, False, True]
    assert whole.folded == sum(column.more for column in whole.columns)


def test_every_score_has_a_column_and_every_line_a_cell_of_each() -> None:
    whole = made(everything())
    titles = {column.title for column in whole.columns}
    assert {name[:1].upper() + name[1:] for row in everything().rows for name in row.scores} <= titles
    assert [line.name for line in whole.lines] == [*EVERYTHING, "real data", "noise"]
    assert [line.hue is None for line in whole.lines] == [False] * 5 + [True] * 2
    assert {len(line.cells) for line in whole.lines} == {len(whole.columns)}


def test_a_cell_is_the_mean_and_opens_every_seed() -> None:
    said = everything()
    found = cell(said, "ddpm", FRECHET)
    assert (found.text, found.order, found.tag) == ("2.31", 2.31, "2.23 to 2.39")
    opened = detail(said, "ddpm", FRECHET)
    assert opened.runs == (("0", "2.23", "2.19 to 2.27"), ("1", "2.39", "2.35 to 2.43"))
    says = "How far the samples as a whole are from real ones, by mean and spread."
    assert opened.lines == (says, "Lower is better", "95% interval 1.29 to 3.33 over the seeds (Student's t)")
    assert ("features: hash", "1f3a") in opened.protocol
    assert ("generated", "2,000") in opened.protocol


def test_one_seed_opens_its_interval() -> None:
    opened = detail(everything(1), "ddpm", FRECHET)
    assert opened.runs == ()
    assert opened.lines[2] == "95% interval 2.19 to 2.27 through the samples"


def test_a_seed_without_a_value_is_left_out_in_line() -> None:
    rows = [row("vae", None, distance(value), seed=seed) for seed, value in enumerate((None, 6.0, 7.0))]
    assert [run[:2] for run in detail(record(rows), "vae", "Fréchet").runs] == [("1", "6.00"), ("2", "7.00")]


def test_in_front_are_the_best_and_those_not_separated_from_it() -> None:
    said = everything()
    ahead = [name for name in EVERYTHING if cell(said, name, FRECHET).best]
    assert ahead == ["ddpm", "flow-matching"]
    assert [name for name in ("vae", "pixelcnn", "gan", "ddpm") if cell(record(four()), name, "Fréchet").best] == ["ddpm"]
    assert [name for name in ("vae", "pixelcnn", "gan", "ddpm") if cell(record(four()), name, "Likelihood").best] == [
        "pixelcnn"
    ]


def test_the_best_likelihood_is_the_one_of_the_verdict_whatever_its_claim() -> None:
    def ahead(exact: float, bound: float) -> list[str]:
        said = record(
            [row("a", bits(exact, "exact", error=0.01)), row("b", bits(bound, error=0.01)), row("c", bits(9, error=0.01))]
        )
        return [name for name in "abc" if cell(said, name, "Likelihood").best]

    assert ahead(1.2, 1.9) == ["a"]
    assert ahead(1.9, 1.2) == ["b"]
    assert ahead(1.9, 1.905) == ["a", "b"]


def test_likelihoods_sort_within_their_claim() -> None:
    said = record(four())
    order = {name: cell(said, name, "Likelihood").order for name in ("vae", "ddpm", "pixelcnn", "gan")}
    assert order["gan"] is None
    known = {name: place for name, place in order.items() if place is not None}
    assert sorted(known, key=lambda name: known[name]) == ["ddpm", "vae", "pixelcnn"], "another claim never stands between"
    assert cell(said, "gan", "Likelihood").text == "none"
    assert cell(said, "vae", "Likelihood").tag == "bound, given label"


def test_what_was_not_measured_says_why() -> None:
    found = cell(everything(), "vae", "Parzen window")
    assert (found.text, found.order, found.tag) == ("–", None, "not measured")
    assert detail(everything(), "vae", "Parzen window").lines == ("Not measured, fewer samples than dimensions",)
    broken = record([row("a", bits(float("nan")), distance(float("inf"))), row("b")])
    assert [cell(broken, "a", title).text for title in ("Likelihood", "Fréchet")] == ["not finite"] * 2
    assert cell(broken, "b", "Fréchet") == Cell("–")


def test_speed_and_cost_are_columns_where_they_are_known() -> None:
    titles = {column.title for column in made(everything()).columns}
    assert {"Samples compared", "Memory at most", "Operations a sample", "Training operations"} <= titles
    assert "Memory at most" not in {column.title for column in made(record(four())).columns}
    assert cell(everything(), "ddpm", "Memory at most").text == "431 MB"
    assert cell(record(four()), "gan", "Fréchet").detail is not None
    assert cell(everything(), "ddpm", "Training operations").text == "4.1 T"
    assert "Seed 0: load of the machine 2.9, at most 3.2" in detail(everything(), "vae", "Training").lines


def test_an_estimated_density_stands_beside_the_likelihoods_and_shows_its_detail() -> None:
    found = score(-9.0, "higher", "density", protocol={"n": 2000}, unit="nats", detail={"bandwidth": 0.2})
    said = record([row("a", bits(2.0), {"Parzen": found}), row("b", None, {"odd": replace(found, question="taste")})])
    whole = made(said)
    assert [(head.title, head.shown, head.all) for head in whole.heads][:2] == [("Likelihood", 1, 2), ("More", 0, 1)]
    assert detail(said, "a", "Parzen").protocol == (("n", "2,000"), ("bandwidth", "0.2"))
    assert detail(said, "a", "Parzen").value == "−9.00 nats"


def test_names_that_read_alike_have_their_own_addresses() -> None:
    assert slugs(["a b", "a-b", "é"]) == {"a b": "model-a-b", "a-b": "model-a-b-1", "é": "model-x"}


def test_a_protocol_is_flat() -> None:
    assert list(flat({"n": 2000, "features": {"dim": 64, "net": {"hash": "1f"}}})) == [
        ("n", "2,000"),
        ("features: dim", "64"),
        ("features: net: hash", "1f"),
    ]
    assert list(flat({})) == []


def test_protocols_are_listed_once_unless_models_differ() -> None:
    rows = [row("a", None, distance(1.0)), row("b", None, distance(2.0, seed=7)), row("c", None, distance(3.0, generated=5))]
    titles = [title for title, _ in protocols(rows)]
    assert titles == ["Fréchet distance (a and b)", "Fréchet distance (c)"]
    assert [title for title, _ in protocols(rows[:2])] == ["Fréchet distance"]
