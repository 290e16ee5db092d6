"""The rubric as typed questions: what a decision model is asked, and how its levels are named.

A decision model writes no text: it gives a probability for each option of a question. A criterion
with two levels becomes a predicate, one with up to ten a score question, any other a choice. Beside
each stands a predicate that asks whether the material allows a judgement at all, which is how
"cannot assess" is kept. Nothing from a data set ever enters a question.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal

from rubrics.load import load_as
from rubrics.prompt import (
    Wording,
    conversation_material,
    example_material,
    explained,
    fill,
    wording,
)
from rubrics.rubric import (
    CANNOT_ASSESS,
    Criterion,
    Example,
    Grade,
    Language,
    Record,
    Rubric,
    Text,
    frame_language,
)

Kind = Literal["predicate", "score", "choice"]

MOST_SCORE_LEVELS = 10
"""Levels that a score question can have; a criterion with more becomes a choice."""

CANNOT_ASSESS_SUFFIX = ".cannot_assess"
"""No id of a criterion has a dot, so the name of the second predicate is free."""

YES, NO = "yes", "no"

_FOLDER = Path(__file__).parent / "wording" / "questions"


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
    return "\n\n".join([*sections, *_examples(rubric), own.note]) + "\n"


def _examples(rubric: Rubric) -> list[str]:
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
    return load_as(QuestionWording, _FOLDER / f"{language}.yaml")


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
