"""Verdicts that are computed from a trace by a rubric's rules; no judge is asked."""

from functools import cache
from pathlib import Path

import rubrics
from judge.records import Generation, Scored, Unscored, Verdict
from rubrics.load import load_as
from rubrics.rubric import Criterion, Language, Rubric, frame_language
from rubrics.rules import RuleReading, RuleWording, apply_rule

_WORDING = Path(rubrics.__file__).parent / "wording"


def computed(rubric: Rubric, generation: Generation) -> tuple[Verdict, ...]:
    """Compute the verdicts of a rubric's rules on one unit.

    Parameters
    ----------
    rubric : Rubric
    generation : Generation
        A whole conversation, or one turn of it. A row without messages has no score: nothing is
        known of its calls, so that a rule is neither kept nor broken.

    Returns
    -------
    tuple of Verdict
        One for each criterion with a rule, in the rubric's order.
    """
    ruled = rubric.ruled
    if not ruled:
        return ()
    trace = [turn.model_dump(mode="json") for turn in generation.messages]
    wording = words(frame_language(rubric.language))
    return tuple(
        _verdict(one, apply_rule(rule, trace, words=wording, turn=generation.turn), generation.turn)
        for one in ruled
        if (rule := one.rule) is not None
    )


def _verdict(criterion: Criterion, found: RuleReading, turn: int | None) -> Verdict:
    if found.kept is None:
        return Unscored(
            criterion=criterion.id, outcome="unscored.cannot_assess", rationale=found.reasoning
        )
    return Scored(
        criterion=criterion.id,
        score=level(criterion, found),
        rationale=found.reasoning,
        evidence=found.evidence,
        turn=turn if found.message is None else found.message,
    )


def level(criterion: Criterion, found: RuleReading) -> int:
    """Give the better level of a criterion where its rule is kept, else the worse."""
    higher = criterion.direction == "higher_is_better"
    return criterion.scale.max if found.kept is higher else criterion.scale.min


@cache
def words(language: Language) -> RuleWording:
    """Read the sentences of a language."""
    return load_as(RuleWording, _WORDING / f"rules.{language}.yaml")
