"""The rubric as what a judge is told: text for a chat model, typed questions for a decision model.

The text is in the rubric's own language.

Nothing from a data set ever enters: prompts and responses travel in a message of their own, and a
group only selects principles that the rubric itself holds. The words that frame every rubric live
in `rubrics/wording/*.yaml`, one file for each language. Names in braces are the only placeholders;
they are replaced in one pass, so what is put in is never read again.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal

from rubrics.load import load_as
from rubrics.record import Record
from rubrics.rubric import (
    CANNOT_ASSESS,
    Criterion,
    Example,
    Grade,
    Language,
    Rubric,
    Text,
    frame_language,
)

_FOLDER = Path(__file__).parent / "wording"
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class Wording(Record):
    """The framing words of one language; placeholders in braces."""

    language: Language
    task: Text
    material: Text
    material_pairwise: Text
    material_conversation: Text
    judged_turn: Text
    judged_session: Text
    principles: Text
    criteria: Text
    criterion: Text
    criterion_roles: Text
    definition: Text
    counter_rules: Text
    levels: Text
    level: Text
    direction_higher_is_better: Text
    direction_lower_is_better: Text
    direction_descriptive: Text
    answer: Text
    answer_pairwise: Text
    answer_turn: Text
    answer_session: Text
    examples: Text
    example: Text
    reply: Text
    reply_pairwise: Text
    reply_session: Text
    reasoning_field: Text
    turn_field: Text
    evidence_field: Text
    evidence_field_turn: Text
    evidence_field_session: Text
    score_field: Text
    preference_field: Text
    cannot_assess: Text
    """For people: what a sheet calls it that a response cannot be judged."""


def render(rubric: Rubric, *, group: str | None = None) -> str:
    """Write the judge's instructions for grading one response.

    Parameters
    ----------
    rubric : Rubric
        What to ask.
    group : str or None
        The scenario or domain of the prompt. It selects the rubric's principles for that group
        and is not itself part of the text; a group without principles changes nothing.

    Returns
    -------
    str
        The whole trusted message. The same rubric and group give the same text.
    """
    words = wording(rubric.language)
    shape = _shape(_score_shapes(rubric))
    return _sections(
        fill(words.task, instructions=rubric.instructions),
        words.material,
        _principles(rubric, group, words),
        fill(words.criteria, criteria=_criteria(rubric, words)),
        fill(words.answer, shape=shape),
        _examples(rubric, words),
    )


def render_conversation(rubric: Rubric, *, group: str | None = None) -> str:
    """Write the judge's instructions for grading a conversation, or one turn of it.

    Parameters and returned text as for `render`; the rubric's unit says which of the two.
    """
    words = wording(rubric.language)
    session = rubric.unit == "session"
    answer = words.answer_session if session else words.answer_turn
    return _sections(
        fill(words.task, instructions=rubric.instructions),
        conversation_material(rubric),
        _principles(rubric, group, words),
        fill(words.criteria, criteria=_criteria(rubric, words)),
        fill(answer, shape=_shape(_score_shapes(rubric, session=session))),
        _examples(rubric, words, _as_session if session else _as_turn),
    )


def conversation_material(rubric: Rubric) -> str:
    """Say how a conversation is shown, and which of its turns are judged."""
    words = wording(rubric.language)
    judged = words.judged_turn
    if rubric.unit == "session":
        judged = fill(words.judged_session, roles=", ".join(rubric.roles))
    return fill(words.material_conversation, judged=judged)


def render_pairwise(rubric: Rubric, *, group: str | None = None) -> str:
    """Write the judge's instructions for comparing `response_1` with `response_2`.

    Parameters and returned text as for `render`. The examples are left out: they grade one
    response each.
    """
    words = wording(rubric.language)
    shape = _shape({criterion.id: _PREFERENCE_SHAPE for criterion in rubric.asked})
    return _sections(
        fill(words.task, instructions=rubric.instructions),
        words.material_pairwise,
        _principles(rubric, group, words),
        fill(words.criteria, criteria=_criteria(rubric, words)),
        fill(words.answer_pairwise, shape=shape),
    )


def wording(language: str) -> Wording:
    """Return the framing words that go with a language: Chinese for its kinds, else English."""
    return _wording(frame_language(language))


@lru_cache(maxsize=2)
def _wording(language: Language) -> Wording:
    return load_as(Wording, _FOLDER / f"{language}.yaml")


def fill(template: str, **values: str) -> str:
    """Put values into a template's named places; KeyError for a name that has no value.

    Examples
    --------
    >>> fill("{id}: {title}", id="safe", title="{id}")
    'safe: {id}'
    """
    return _PLACEHOLDER.sub(lambda match: values[match.group(1)], template)


_PREFERENCE_SHAPE = '{"reasoning": "…", "preference": "1" | "2" | "tie" | "cannot_assess"}'


def _sections(*texts: str) -> str:
    return "\n\n".join(text for text in texts if text) + "\n"


def _principles(rubric: Rubric, group: str | None, words: Wording) -> str:
    pack = rubric.pack(group)
    if pack is None:
        return ""
    items = "\n".join(f"{number}. {item.text}" for number, item in enumerate(pack.items, start=1))
    return fill(words.principles, title=pack.title, items=items)


def _criteria(rubric: Rubric, words: Wording) -> str:
    return "\n\n".join(_criterion(criterion, words) for criterion in rubric.asked)


def _criterion(criterion: Criterion, words: Wording) -> str:
    directions = {
        "higher_is_better": words.direction_higher_is_better,
        "lower_is_better": words.direction_lower_is_better,
        "descriptive": words.direction_descriptive,
    }
    heading = fill(
        words.criterion,
        id=criterion.id,
        title=criterion.title,
        question=criterion.question,
        direction=directions[criterion.direction],
    )
    levels = [
        fill(words.level, score=str(anchor.score), anchor=anchor.text)
        for anchor in criterion.scale.anchors
    ]
    return "\n".join([heading, *explained(criterion, words), words.levels, *levels])


def explained(criterion: Criterion, words: Wording) -> list[str]:
    """Write the own roles, the definition and the counter-rules of a criterion.

    Returns
    -------
    list of str
        A text each; nothing where a criterion has none.
    """
    texts: list[str] = []
    if criterion.roles is not None:
        texts.append(fill(words.criterion_roles, roles=", ".join(criterion.roles)))
    if criterion.definition is not None:
        texts.append(fill(words.definition, definition=criterion.definition))
    if criterion.counter_rules:
        rules = "\n".join(f"- {rule}" for rule in criterion.counter_rules)
        texts.append(fill(words.counter_rules, rules=rules))
    return texts


def _score_shapes(rubric: Rubric, *, session: bool = False) -> Mapping[str, str]:
    turn = ' "turn": 0 | null,' if session else ""
    before_score = f'{{"reasoning": "…",{turn} "evidence": "…", "score": '
    return {c.id: f"{before_score}{_choices(c)}}}" for c in rubric.asked}


def _choices(criterion: Criterion) -> str:
    levels = [str(level) for level in criterion.scale.levels]
    return " | ".join([*levels, json.dumps(CANNOT_ASSESS)])


def _shape(parts: Mapping[str, str]) -> str:
    lines = [f"  {json.dumps(criterion)}: {part}" for criterion, part in parts.items()]
    return "{\n" + ",\n".join(lines) + "\n}"


Shown = tuple[Mapping[str, object], Mapping[str, object]]
"""An example as material, and the reply to it."""


def _examples(
    rubric: Rubric, words: Wording, shown: Callable[[Example], Shown] | None = None
) -> str:
    if not rubric.examples:
        return ""
    cases = map(shown or _as_response, rubric.examples)
    worked = [
        fill(words.example, number=str(number), material=_json(material), reply=_json(reply))
        for number, (material, reply) in enumerate(cases, start=1)
    ]
    return fill(words.examples, examples="\n\n".join(worked))


def example_material(example: Example, *, session: bool = False) -> str:
    """Write the material of a worked example as the judge will get its own: one JSON object."""
    return _json(_as_session(example)[0] if session else _as_response(example)[0])


def _as_response(example: Example) -> Shown:
    shown = {"prompt": example.prompt, "response": example.response}
    return {**shown, **_reference(example)}, _reply(example)


def _as_turn(example: Example) -> Shown:
    shown = {"conversation": _turns(example), "judged_turn": 1}
    return {**shown, **_reference(example)}, _reply(example)


def _as_session(example: Example) -> Shown:
    shown = {"conversation": _turns(example)}
    return {**shown, **_reference(example)}, _reply(example, session=True)


def _reference(example: Example) -> Mapping[str, object]:
    return {} if example.reference is None else {"reference": example.reference}


def _turns(example: Example) -> list[Mapping[str, object]]:
    return [
        {"turn": 0, "role": "user", "content": example.prompt},
        {"turn": 1, "role": "assistant", "content": example.response},
    ]


def _reply(example: Example, *, session: bool = False) -> Mapping[str, Mapping[str, object]]:
    return {
        grade.criterion: {
            "reasoning": grade.reasoning,
            **({"turn": 1 if grade.evidence else None} if session else {}),
            "evidence": grade.evidence,
            "score": grade.score,
        }
        for grade in example.grades
    }


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False)


# The rubric as typed questions: what a decision model is asked, and how its levels are named.
#
# A decision model writes no text: it gives a probability for each option of a question. A criterion
# with two levels becomes a predicate, one with up to ten a score question, any other a choice.
# Beside each stands a predicate that asks whether the material allows a judgement at all, which is
# how "cannot assess" is kept. Nothing from a data set ever enters a question.

Kind = Literal["predicate", "score", "choice"]

MOST_SCORE_LEVELS = 10
"""Levels that a score question can have; a criterion with more becomes a choice."""

CANNOT_ASSESS_SUFFIX = ".cannot_assess"
"""No id of a criterion has a dot, so the name of the second predicate is free."""

YES, NO = "yes", "no"

_QUESTION_FOLDER = Path(__file__).parent / "wording" / "questions"


class QuestionWording(Record):
    """The fixed words of one language; placeholders in braces."""

    language: Language
    note: Text
    predicate: Text
    levels: Text
    cannot_assess: Text
    level: Text
    examples: Text
    example: Text
    answer: Text


class Option(Record):
    """One level that can be answered."""

    level: int
    label: Text
    description: Text

    @property
    def described(self) -> str:
        """Label and description in one line."""
        return f"{self.label}: {self.description}"


class TypedQuestion(Record):
    """One question to a decision model."""

    kind: Kind
    name: str
    """The criterion's id, or that with ``.cannot_assess`` behind it."""
    criterion: str
    instructions: Text
    options: tuple[Option, ...] = ()
    """Ascending. For a predicate about a criterion its two levels, of which "yes" means the higher;
    none for a predicate about whether it can be assessed."""

    @property
    def about_level(self) -> bool:
        """Whether it asks for the level, and not whether there can be one."""
        return self.name == self.criterion


def questions(rubric: Rubric) -> tuple[TypedQuestion, ...]:
    """Turn a rubric into questions.

    Parameters
    ----------
    rubric : Rubric

    Returns
    -------
    tuple of TypedQuestion
        For each criterion, in the rubric's order, the question for its level and the one whether
        it can be assessed.
    """
    return _questions(rubric)


@lru_cache(maxsize=128)
def _questions(rubric: Rubric) -> tuple[TypedQuestion, ...]:
    words, own = wording(rubric.language), question_wording(rubric.language)
    return tuple(
        question
        for criterion in rubric.asked
        for question in (_level_question(criterion, words, own), _assessable(criterion, own))
    )


def render_brief(rubric: Rubric, *, group: str | None = None, conversation: bool = False) -> str:
    """Write what a decision model is told before the questions: task, material, examples.

    Parameters
    ----------
    rubric : Rubric
    group : str or None
        As for `rubrics.prompt.render`.
    conversation : bool
        Whether the material is a conversation.

    Returns
    -------
    str
        Trusted text only, with the rubric's worked examples; the criteria themselves, with their
        definitions and counter-rules, stand in the questions.
    """
    words, own = wording(rubric.language), question_wording(rubric.language)
    pack = rubric.pack(group)
    material = conversation_material(rubric) if conversation else words.material
    sections = [fill(words.task, instructions=rubric.instructions), material]
    if pack is not None:
        items = "\n".join(f"{place}. {item.text}" for place, item in enumerate(pack.items, start=1))
        sections.append(fill(words.principles, title=pack.title, items=items))
    return "\n\n".join([*sections, *_graded_examples(rubric), own.note]) + "\n"


def _graded_examples(rubric: Rubric) -> list[str]:
    """Show each worked example with the level that it has, in words: numbers differ by question."""
    own = question_wording(rubric.language)
    shown = [
        fill(
            own.example,
            number=str(number),
            material=example_material(example),
            answers="\n".join(_answers(rubric, example)),
        )
        for number, example in enumerate(rubric.examples, start=1)
    ]
    return [fill(own.examples, examples="\n\n".join(shown))] if shown else []


def _answers(rubric: Rubric, example: Example) -> Iterator[str]:
    words, own = wording(rubric.language), question_wording(rubric.language)
    for grade in example.grades:
        criterion = rubric.criterion(grade.criterion)
        yield fill(
            own.answer,
            title=criterion.title,
            level=_level_words(criterion, grade, words),
            reasoning=grade.reasoning,
        )


def _level_words(criterion: Criterion, grade: Grade, words: Wording) -> str:
    anchors = {anchor.score: anchor.text for anchor in criterion.scale.anchors}
    return words.cannot_assess if grade.score == CANNOT_ASSESS else anchors[grade.score]


def question_wording(language: str) -> QuestionWording:
    """Return the fixed words that go with a language: Chinese for its kinds, else English."""
    return _question_wording(frame_language(language))


@lru_cache(maxsize=2)
def _question_wording(language: Language) -> QuestionWording:
    return load_as(QuestionWording, _QUESTION_FOLDER / f"{language}.yaml")


def criteria_of(asked: tuple[TypedQuestion, ...]) -> Mapping[str, tuple[int, ...]]:
    """Give the criteria that questions ask about, with their levels, in order."""
    return {
        question.criterion: tuple(option.level for option in question.options)
        for question in asked
        if question.about_level
    }


def _level_question(criterion: Criterion, words: Wording, own: QuestionWording) -> TypedQuestion:
    options = _options(criterion, own)
    if len(options) == 2:
        instructions = fill(
            own.predicate,
            title=criterion.title,
            question=criterion.question,
            lower=options[0].description,
            upper=options[1].description,
        )
    else:
        directions = {
            "higher_is_better": words.direction_higher_is_better,
            "lower_is_better": words.direction_lower_is_better,
            "descriptive": words.direction_descriptive,
        }
        instructions = fill(
            own.levels,
            title=criterion.title,
            question=criterion.question,
            direction=directions[criterion.direction],
        )
    return TypedQuestion(
        kind=_kind(len(options)),
        name=criterion.id,
        criterion=criterion.id,
        instructions="\n\n".join([instructions, *explained(criterion, words)]),
        options=options,
    )


def _kind(levels: int) -> Kind:
    if levels == 2:
        return "predicate"
    return "score" if levels <= MOST_SCORE_LEVELS else "choice"


def _options(criterion: Criterion, own: QuestionWording) -> tuple[Option, ...]:
    anchors = {anchor.score: anchor.text for anchor in criterion.scale.anchors}
    return tuple(
        Option(
            level=level,
            label=fill(own.level, score=str(level)),
            description=anchors[level],
        )
        for level in criterion.scale.levels
    )


def _assessable(criterion: Criterion, own: QuestionWording) -> TypedQuestion:
    return TypedQuestion(
        kind="predicate",
        name=criterion.id + CANNOT_ASSESS_SUFFIX,
        criterion=criterion.id,
        instructions=fill(own.cannot_assess, title=criterion.title, question=criterion.question),
    )
