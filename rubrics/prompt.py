"""The rubric as text: trusted instructions for the judge, in the rubric's own language.

Nothing from a data set ever enters: prompts and responses travel in a message of their own, and a
group only selects principles that the rubric itself holds. The words that frame every rubric live
in `rubrics/wording/*.yaml`, one file for each language. Names in braces are the only placeholders;
they are replaced in one pass, so what is put in is never read again.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from rubrics.load import load_as
from rubrics.rubric import (
    CANNOT_ASSESS,
    Criterion,
    Example,
    Language,
    Record,
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
