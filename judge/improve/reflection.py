"""Ask a reflection model for one text of the rubric, and read what it answers as text and no more.

What a data set, a judge or an earlier reflection wrote travels as contained material. What comes
back is never parsed as anything: the words between two fences, or the whole answer, are a text that
the guards look at before a judge sees it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from judge.improve.cases import Case
from judge.improve.components import ANCHORS, Components
from judge.improve.evaluation import Judged, Reflection
from rubrics.rubric import Criterion, Rubric, frame_language

LONGEST_TEXT = 1500
"""Characters of a prompt or a response that the reflection model is shown."""

_FENCED = re.compile(r"```[^\n`]*\n(.*?)```", re.DOTALL)


def request_for(
    rubric: Rubric, component: str, components: Components, *, shown: Sequence[tuple[Case, Judged]]
) -> Reflection:
    """Ask for a better version of one text.

    Parameters
    ----------
    rubric : Rubric
        The one that is to be improved.
    component : str
        Name of the text, such as ``safe.definition``.
    components : mapping of str to str
        Texts of the candidate that is developed further.
    shown : sequence of (Case, Judged)
        Cases of the reflect part with what the judge said under that candidate.
    """
    criterion_id, field = component.split(".", 1)
    criterion = rubric.criterion(criterion_id)
    words = wordings()[frame_language(rubric.language)]
    kind = ANCHORS if field.startswith(ANCHORS) else field
    instructions = "\n\n".join([words["task"], words[kind], words["rules"], words["answer"]])
    material = {
        "criterion": _described(criterion, components),
        "text_name": component,
        "present_text": components[component],
        "cases": json.dumps(
            [_case(case, judged, criterion_id) for case, judged in shown], ensure_ascii=False
        ),
    }
    return Reflection(instructions=instructions, material=material)


def read_text(answer: str) -> str:
    r"""Take the text out of an answer: what stands between fences, otherwise all of it.

    Examples
    --------
    >>> read_text("Here it is:\n```\nA rule.\n```\nDone.")
    'A rule.'
    >>> read_text(" A rule. ")
    'A rule.'
    """
    fenced = _FENCED.search(answer)
    return (fenced[1] if fenced else answer).strip().strip("`").strip()


@cache
def wordings() -> Mapping[str, Mapping[str, str]]:
    """Read our instructions, by language."""
    return json.loads(
        files("judge.improve").joinpath("reflection.json").read_text(encoding="utf-8")
    )


def _described(criterion: Criterion, components: Components) -> str:
    levels = [
        f"{anchor.score}: {components.get(f'{criterion.id}.{ANCHORS}.{anchor.score}', anchor.text)}"
        for anchor in criterion.scale.anchors
    ]
    return "\n".join([f"{criterion.title}: {criterion.question}", *levels])


def _case(case: Case, judged: Judged, criterion: str) -> dict[str, object]:
    generation = case.generation
    return {
        "prompt": generation.prompt[:LONGEST_TEXT],
        "response": generation.response[:LONGEST_TEXT],
        "grader": judged.levels.get(criterion),
        "grader_reason": judged.reasons.get(criterion, "")[:LONGEST_TEXT],
        "experts": case.labels.get(criterion),
    }
