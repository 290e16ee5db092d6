"""A conversation on the page: where releases part, what is marked, and hostile text."""

from judge.records import Generation, Judgment, Scored, ToolCall, Turn
from judge.report.examples import blocks, common, highlighted, shown_turns
from judge.report.page import body


def talk(*words: str, system: str = "a", turn: int | None = None) -> Generation:
    """Make a conversation in which user and assistant take turns."""
    roles = ("user", "assistant")
    messages = tuple(
        Turn(role="user" if roles[at % 2] == "user" else "assistant", content=text)
        for at, text in enumerate(words)
    )
    return Generation(id="d", system=system, prompt="p", response="r", messages=messages, turn=turn)


def said(turn: int | None, evidence: str) -> Judgment:
    """Make a judgment with one verdict."""
    verdict = Scored(criterion="safe", score=0, evidence=evidence, turn=turn)
    return Judgment(
        key="k",
        id="d",
        system="a",
        sample=0,
        group=None,
        lang=None,
        judge="j",
        rubric="r",
        rubric_hash="h",
        verdicts=(verdict,),
        provenance="SIMULATED",
    )


def test_releases_part_at_the_first_turn_that_differs() -> None:
    assert common([talk("a", "b", "c", "d"), talk("a", "b", "c", "e", system="b")]) == 3
    assert common([talk("a", "b"), talk("x", "b", system="b")]) == 0
    assert common([talk("a", "b"), talk("a", "b", "c", "d", system="b")]) == 2
    assert common([talk("a", "b")]) == 0


def test_a_turn_that_a_verdict_names_carries_its_evidence() -> None:
    shown = shown_turns(talk("a", "b", "c", "d"), [said(3, "d"), said(3, ""), said(None, "")])

    assert [(each.index, each.named, each.evidence) for each in shown] == [
        (0, False, ()),
        (1, False, ()),
        (2, False, ()),
        (3, True, ("d",)),
    ]


def test_a_turn_that_an_experts_label_names_is_marked_and_not_folded() -> None:
    shown = shown_turns(talk("a", "b", "c", "d"), [], labelled={3, None})

    assert [each.labelled for each in shown] == [False, False, False, True]
    assert [[each.index for each in run] for run in blocks(shown)] == [[0, 1, 2], [3]]


def test_a_unit_of_one_turn_shows_what_stands_before_it_and_nothing_after() -> None:
    shown = shown_turns(talk(*"abcdefgh", turn=5), [])

    assert [each.index for each in shown] == [1, 2, 3, 4, 5]


def test_runs_without_a_verdict_are_told_apart_from_those_with_one() -> None:
    shown = shown_turns(talk(*"abcdefghij"), [said(3, "")])

    assert [[each.index for each in block] for block in blocks(shown)] == [
        [0, 1, 2],
        [3],
        [4, 5, 6, 7, 8, 9],
    ]


def test_overlapping_quotations_are_marked_once() -> None:
    made = list(highlighted("one two three two", ["two three", "two"]))

    assert made == [("one ", False), ("two three", True), (" ", False), ("two", True)]


def test_marked_text_is_escaped_on_both_sides_of_the_mark() -> None:
    html = str(body('<img src=x onerror="a"> b\u202e </mark><script>', ["</mark><script>"]))

    assert "<script" not in html
    assert "<img" not in html
    assert html.count("<mark>") == html.count("</mark>") == 1
    assert "\u202e" not in html


def test_the_words_of_a_call_stand_in_its_turn() -> None:
    call = ToolCall(id="c", name="pay", arguments='{"eur": 9}')

    assert (
        Turn(role="assistant", content="Done.", tool_calls=(call,)).text == 'Done.\npay\n{"eur": 9}'
    )
