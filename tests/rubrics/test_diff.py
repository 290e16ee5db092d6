"""What changed, and whether it can move a score."""

from collections.abc import Callable

import pytest

from rubrics import Rubric, load_rubric
from rubrics.lint import Change, diff
from rubrics.prompt import render, render_pairwise
from rubrics.reply_schema import acceptable, overall, pairwise_schema, reply_schema, rubric_digest
from tests.rubrics.samples import TONE, library, tone
from tests.rubrics.test_digest import MEANING, NO_MEANING

ALL = [*MEANING, *NO_MEANING]


def change_of(name: str) -> tuple[tuple[str, str], tuple[Change, ...]]:
    swap = (MEANING | NO_MEANING)[name]
    return swap, diff(tone(), tone(*swap))


def texts(rubric: Rubric) -> object:
    groups = [None, *(pack.group for pack in tone().packs), *(pack.group for pack in rubric.packs)]
    return [(render(rubric, group=g), render_pairwise(rubric, group=g)) for g in groups]


def shapes(rubric: Rubric) -> object:
    return (reply_schema(rubric), pairwise_schema(rubric))


def scores(rubric: Rubric) -> object:
    grid = [{"friendly": f, "wordy": w} for f in (0, 1, 2, None) for w in (1, 3, 5, None)]
    return [(overall(rubric, each), acceptable(rubric, each)) for each in grid]


def test_a_rubric_does_not_differ_from_itself() -> None:
    assert [diff(rubric, rubric) for rubric in library()] == [()] * 16


@pytest.mark.parametrize("name", ALL)
def test_some_change_alters_a_view_exactly_when_the_digest_changes(name: str) -> None:
    swap, changes = change_of(name)

    assert any(change.alters for change in changes) == (
        rubric_digest(tone(*swap)) != rubric_digest(tone())
    )


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("view", "seen"), [("prompt", texts), ("schema", shapes), ("score", scores)]
)
def test_a_change_is_said_to_alter_just_the_views_that_it_alters(
    name: str, view: str, seen: Callable[[Rubric], object]
) -> None:
    swap, changes = change_of(name)

    said = any(view in change.alters for change in changes)

    assert said == (seen(tone(*swap)) != seen(tone()))


def test_a_change_of_text_shows_both_texts_and_where_they_stand() -> None:
    assert diff(tone(), tone("Cold but correct.", "Cool but correct.")) == (
        Change(
            at="criteria.friendly.anchors.1",
            before="Cold but correct.",
            after="Cool but correct.",
            alters=("prompt",),
        ),
    )


def test_what_is_new_has_no_before_and_what_is_gone_has_no_after() -> None:
    veto = "veto:\n  criterion: friendly\n  level: 0\n"
    without = tone(veto, "")

    (gone,) = diff(tone(), without)
    (new,) = diff(without, tone())

    assert (gone.at, gone.before, gone.after) == ("veto", "friendly at 0", None)
    assert (new.at, new.before, new.after) == ("veto", None, "friendly at 0")


def test_criteria_in_another_order_are_one_change_of_text() -> None:
    safety = load_rubric("safety")
    turned = safety.model_copy(update={"criteria": safety.criteria[::-1]})

    (change,) = diff(safety, turned)

    assert (change.before, change.after) == ("safe, severity", "severity, safe")
    assert change.alters == ("prompt", "schema")


def test_a_scale_with_more_levels_alters_all_three_views() -> None:
    wider = tone(
        TONE, TONE.replace("max: 2", "max: 3").replace("2: Warm", "2: Kind.\n        3: Warm")
    )

    scale = next(change for change in diff(tone(), wider) if change.at.endswith("scale"))

    assert (scale.before, scale.after) == ("0 to 2 by 1", "0 to 3 by 1")
    assert scale.alters == ("prompt", "schema", "score")
