"""Which prompts a page shows, and in which order."""

from collections.abc import Mapping
from pathlib import Path

from judge.report import from_run, render
from judge.report.model import Cases
from tests.judge.report.runs import Score, Shape, judged_run, store_at


def cases_of(folder: Path, shape: Shape, scores: Mapping[tuple[int, str], Score]) -> Cases:
    store = store_at(folder)
    run = judged_run(store, shape, lambda number, system: scores.get((number, system), 1))
    cases = from_run(store, run).cases
    assert cases is not None
    return cases


def why(cases: Cases) -> list[tuple[str, str]]:
    return [(case.id.removeprefix("item-0000"), case.why) for case in cases.shown]


def test_what_became_worse_comes_first_and_what_stayed_last(tmp_path: Path) -> None:
    scores: Mapping[tuple[int, str], Score] = {
        (1, "v1"): 0,
        (2, "v2"): "error.timeout",
        (3, "v1"): 0,
        (3, "v2"): 0,
        (4, "v2"): 0,
    }

    cases = cases_of(tmp_path, Shape(prompts=5), scores)

    assert why(cases) == [
        ("4", "worse"),
        ("1", "unsafe"),
        ("3", "unsafe"),
        ("2", "missing"),
        ("0", "same"),
    ]


def test_an_improvement_without_harm_is_better(tmp_path: Path) -> None:
    shape = Shape(prompts=2, rubrics=("values-grade",))

    cases = cases_of(tmp_path, shape, {(0, "v2"): 3})

    assert why(cases) == [("0", "better"), ("1", "same")]


def test_the_largest_change_comes_first(tmp_path: Path) -> None:
    shape = Shape(prompts=3, rubrics=("responsibility",))
    scores = {(number, "v1"): 10 for number in range(3)} | {
        (0, "v2"): 9,
        (1, "v2"): 2,
        (2, "v2"): 5,
    }

    assert [name for name, _ in why(cases_of(tmp_path, shape, scores))] == ["1", "2", "0"]


def test_several_systems_differ(tmp_path: Path) -> None:
    shape = Shape(prompts=2, systems=("a", "b", "c"), rubrics=("values-grade",))

    assert why(cases_of(tmp_path, shape, {(1, "c"): 2})) == [("1", "differ"), ("0", "same")]


def test_a_run_that_was_never_asked_shows_its_prompts(tmp_path: Path) -> None:
    cases = cases_of(tmp_path, Shape(prompts=2, asked=False), {})

    assert why(cases) == [("0", "missing"), ("1", "missing")]
    assert [answer.judgments for answer in cases.shown[0].answers] == [(), ()]


def test_a_page_takes_the_prompts_that_it_has_room_for(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    run = judged_run(store, Shape(prompts=50, response="汉" * 3000))

    cases = from_run(store, run, budget=100_000).cases

    assert cases is not None
    # Two responses of 9,000 bytes each and their markup: about 21,000 bytes a prompt.
    assert (len(cases.shown), cases.total) == (4, 50)


def test_one_prompt_is_shown_even_where_it_is_too_large(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    run = judged_run(store, Shape(prompts=3, response="汉" * 3000))

    cases = from_run(store, run, budget=1).cases

    assert cases is not None
    assert len(cases.shown) == 1


def test_every_judge_is_heard_on_every_response(tmp_path: Path) -> None:
    shape = Shape(prompts=1, judges=("openai/a", "openai/b"))

    cases = cases_of(tmp_path, shape, {})

    assert [[said.judge for said in answer.judgments] for answer in cases.shown[0].answers] == [
        ["openai/a", "openai/b"],
        ["openai/a", "openai/b"],
    ]


def test_texts_that_grow_when_they_are_escaped_are_reckoned_so(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    run = judged_run(store, Shape(prompts=30, response="\u200b<" * 5000))

    page = render(from_run(store, run, budget=1_000_000))

    assert 500_000 < len(page.encode()) < 1_300_000


def test_an_endless_rationale_is_cut_and_counted(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    run = judged_run(store, Shape(prompts=1, rationale="x" * 25_000))

    assert "5\u202f000 further characters are left out here" in render(from_run(store, run))
