"""Grade responses one at a time."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files

from pydantic import BaseModel

from judge.grading.judgment_task import Form, Step, Task, form_key, task_key
from judge.manifest import AS_IT_IS, OnRefusal
from judge.records import Generation, Judge, Language, Scored, Unscored, Verdict, material
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
        read=lambda reply: read(rubric, reply),
    )


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
            forms = [form(rubric, group) for rubric in rubrics if rubric.applies_to(group)]
            self._made[lang, group] = tuple(
                (made, judge, form_key(made, judge), steps(made, judge, self._on_refusal))
                for made in forms
                for judge in self._judges
            )
        return self._made[lang, group]


Prepared = tuple[tuple[Form, Judge, str, tuple[Step, ...]], ...]

NEUTRAL = "neutral_frame"
"""The remark that a judgment in the neutral frame carries."""

SECOND = "second_judge"
"""The remark that a judgment of the second judge carries."""


def steps(form: Form, judge: Judge, on_refusal: OnRefusal) -> tuple[Step, ...]:
    """List what is tried in turn when a judge declines."""
    found: list[Step] = []
    if on_refusal.neutral:
        framed = replace(form, trusted=neutral_frames()[form.language] + form.trusted)
        found.append(Step(flag=NEUTRAL, form=framed, judge=judge))
    if on_refusal.second is not None:
        found.append(Step(flag=SECOND, form=form, judge=on_refusal.second))
    return tuple(found)


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
    return generation.lang or script_of(generation.prompt)


def script_of(text: str) -> Language:
    """Tell a text's language by its script: Chinese where any character of it is."""
    return "zh" if _CHINESE.search(text) else "en"


_CHINESE = re.compile("[\u4e00-\u9fff]")
