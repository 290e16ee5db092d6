"""Grade responses one at a time."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from importlib.resources import files
from typing import cast

from pydantic import BaseModel

from judge.conversation import is_judged
from judge.errors import ConfigError
from judge.grading.decision_verdicts import DecisionReply, read_decisions
from judge.grading.judgment_task import (
    ESCALATED,
    EscalationStep,
    Form,
    Step,
    Task,
    form_key,
    task_key,
)
from judge.manifest import AS_IT_IS, OnRefusal
from judge.records import (
    Escalation,
    Generation,
    Judge,
    Language,
    Scored,
    Unscored,
    Verdict,
    material,
)
from rubrics import questions as typed_questions
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import Rubric

Edition = Callable[[Language], Rubric]
"""Gives the edition of a rubric for an item's language."""


def form(rubric: Rubric, group: str | None) -> Form:
    """Make the common part of all questions of a rubric and group."""
    from rubrics import prompt, reply_schema

    return Form(
        rubric=rubric.id,
        rubric_hash=rubric_digest(rubric),
        language=rubric.language,
        trusted=prompt.render(rubric, group=group),
        reply_model=reply_schema.reply_model(rubric),
        reply_schema=reply_schema.reply_schema(rubric),
        criteria=tuple(criterion.id for criterion in rubric.criteria),
        unit=rubric.unit,
        roles=rubric.roles,
        read=lambda reply: read(rubric, reply),
    )


def form_for(judge: Judge, rubric: Rubric, group: str | None) -> Form:
    """Make the form in which a judge is asked: for text, or with typed questions."""
    plain = form(rubric, group)
    if judge.api == "chat":
        return plain
    if judge.api == "logprobs":
        levels = {criterion.id: criterion.scale.levels for criterion in rubric.criteria}
        return replace(plain, levels=levels)
    # Here, since the wire brings an HTTP client along, which `--help` must not load.
    from judge.models.decision_wire import check_limits

    asked = typed_questions.questions(rubric)
    check_limits(asked)
    return replace(
        plain,
        trusted=typed_questions.render_brief(rubric, group=group),
        reply_model=DecisionReply,
        reply_schema={"questions": [one.model_dump(mode="json") for one in asked]},
        read=partial(_read_probabilities, asked, judge.threshold),
        asked=asked,
    )


def _read_probabilities(
    asked: tuple[typed_questions.TypedQuestion, ...], threshold: float, reply: BaseModel
) -> tuple[Verdict, ...]:
    return read_decisions(asked, cast("DecisionReply", reply), threshold=threshold)


def read(rubric: Rubric, reply: BaseModel) -> tuple[Verdict, ...]:
    """Turn a valid reply into one verdict for each criterion."""
    from rubrics import scoring

    return tuple(
        Scored(
            criterion=reading.criterion,
            score=reading.score,
            rationale=reading.reasoning,
            evidence=reading.evidence,
        )
        if reading.score is not None
        else Unscored(
            criterion=reading.criterion,
            outcome="unscored.cannot_assess",
            rationale=reading.reasoning,
            evidence=reading.evidence,
        )
        for reading in scoring.read(rubric, reply)
    )


class Forms:
    """The forms of a run, made once for each rubric, language and group."""

    def __init__(
        self,
        editions: Sequence[Edition],
        judges: Sequence[Judge],
        on_refusal: OnRefusal = AS_IT_IS,
    ) -> None:
        self._editions = editions
        self._judges = judges
        self._on_refusal = on_refusal
        self._made: dict[tuple[Language, str | None], Prepared] = {}

    def prepared(self, lang: Language, group: str | None) -> "Prepared":
        """Give each form with each judge, the digest that the two share, and what else to try.

        A rubric that is not meant for the group asks nothing.
        """
        if (lang, group) not in self._made:
            rubrics = [edition(lang) for edition in self._editions]
            self._made[lang, group] = tuple(
                (made, judge, form_key(made, judge), self._ladder(made, judge, rubric, group=group))
                for rubric in rubrics
                if rubric.applies_to(group)
                for judge in self._judges
                for made in (form_for(judge, rubric, group),)
            )
        return self._made[lang, group]

    def _ladder(
        self, made: Form, judge: Judge, rubric: Rubric, *, group: str | None
    ) -> tuple[Step, ...]:
        """List what is tried when the judge declines, then what is tried when it is not sure."""
        second = self._on_refusal.second
        found = [neutral_step(made, judge)] if self._on_refusal.neutral else []
        if second is not None:
            asked = form_for(second, rubric, group)
            found.append(Step(flag=SECOND, form=asked, judge=second))
        if judge.escalation is not None:
            found.append(_escalation_step(judge.escalation, rubric, group))
        return tuple(found)


def _escalation_step(escalation: Escalation, rubric: Rubric, group: str | None) -> EscalationStep:
    ids = [criterion.id for criterion in rubric.criteria]
    criterion = escalation.criterion or ids[0]
    if criterion not in ids:
        raise ConfigError(f"{rubric.id} has no criterion {criterion!r} to escalate by.")
    return EscalationStep(
        flag=ESCALATED,
        form=form_for(escalation.judge, rubric, group),
        judge=escalation.judge,
        criterion=criterion,
        cut=escalation.cuts.get(group or "", escalation.cut),
    )


Prepared = tuple[tuple[Form, Judge, str, tuple[Step, ...]], ...]

NEUTRAL = "neutral_frame"
"""The remark that a judgment in the neutral frame carries."""

SECOND = "second_judge"
"""The remark that a judgment of the second judge carries."""


def neutral_step(form: Form, judge: Judge) -> Step:
    """Give what is tried first when a judge declines: the same question in a neutral frame."""
    framed = replace(form, trusted=neutral_frames()[form.language] + form.trusted)
    return Step(flag=NEUTRAL, form=framed, judge=judge)


@cache
def neutral_frames() -> Mapping[str, str]:
    """Read what is said before the rubric in the neutral frame, by language."""
    return json.loads(
        files("judge.grading").joinpath("neutral_frame.json").read_text(encoding="utf-8")
    )


def tasks(generations: Iterable[Generation], forms: Forms, *, repeats: int = 1) -> Iterator[Task]:
    """Plan every judgment of a run, in the order of the file.

    Parameters
    ----------
    generations : iterable of Generation
        Streamed; never held.
    forms : Forms
        What is asked, and of whom.
    repeats : int
        How often each question is put to each judge, 1 or more.
    """
    for generation in generations:
        fields = material(generation)
        language = language_of(generation)
        for asked, judge, shared, ladder in forms.prepared(language, generation.group):
            if not is_judged(generation, asked.unit, asked.roles):
                continue
            for repeat in range(repeats):
                yield Task(
                    generation=generation,
                    material=fields,
                    form=asked,
                    judge=judge,
                    key=task_key(shared, fields, repeat=repeat),
                    repeat=repeat,
                    ladder=ladder,
                )


def language_of(generation: Generation) -> Language:
    """Tell in which language to judge: as the item says, else by the script of its prompt."""
    return generation.lang or script_of(generation.prompt or generation.response)


def script_of(text: str) -> Language:
    """Tell a text's language by its script: Chinese where any character of it is."""
    return "zh" if _CHINESE.search(text) else "en"


_CHINESE = re.compile("[\u4e00-\u9fff]")
