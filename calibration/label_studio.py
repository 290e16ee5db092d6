"""Label Studio's JSON export: tasks, their annotations, and one rating for each answer.

A task's ``data`` holds ``id`` and, where there are, ``system``, ``sample``, ``group`` and
``rubric_hash``. An annotation is one expert's, named by ``completed_by``; cancelled ones do not
count. In its ``result``, ``from_name`` is the criterion of a choice, rating or number; a text area
named ``rationale``, or ``<criterion>_rationale``, is a rationale.

Reference: Label Studio, Task Format, https://labelstud.io/guide/task_format.html.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from calibration.rating_checks import Found
from calibration.ratings import Rating, Unit
from calibration.tables.document import Node, read_document
from calibration.tables.printable import clipped

RATIONALE = "rationale"


def label_studio_ratings(path: str | Path, *, codes: Mapping[str, float]) -> Iterator[Found | None]:
    """Read the ratings of an export, unchecked against each other.

    Parameters
    ----------
    path : str or Path
        The JSON export, not the one named JSON-MIN.
    codes : mapping of str to float
        Scores behind choices that are no numbers, such as ``{"safe": 1, "unsafe": 0}``.

    Yields
    ------
    Found or None
        None for a task without an annotation.

    Raises
    ------
    TableError
        At the first thing that is not as described above.
    """
    for task in read_document(path).items():
        annotations = [one for one in task.items_of("annotations") if not _cancelled(one)]
        if not annotations:
            yield None
        for annotation in annotations:
            yield from _annotation(task, annotation, codes)


@dataclass(frozen=True, slots=True)
class _Answer:
    criterion: str
    score: float
    node: Node


def _annotation(task: Node, annotation: Node, codes: Mapping[str, float]) -> Iterator[Found]:
    fields = task.at("data")
    unit = Unit(
        id=_name(fields.at("id")),
        system=_optional_name(fields, "system") or "",
        sample=_sample(fields),
    )
    rater = _rater(annotation.at("completed_by"))
    rationales: dict[str, str] = {}
    answers: list[_Answer] = []
    for region in annotation.at("result").items():
        name = region.at("from_name").text()
        if region.at("type").text() == "textarea":
            rationales[name] = _written(region.at("value").at("text"))
        else:
            answers.append(_Answer(name, _score(region, codes), region))
    for answer in answers:
        rating = Rating(
            unit=unit,
            rater=rater,
            criterion=answer.criterion,
            score=answer.score,
            group=_optional_name(fields, "group"),
            rationale=rationales.get(f"{answer.criterion}_{RATIONALE}", rationales.get(RATIONALE)),
            rubric_hash=_optional_name(fields, "rubric_hash"),
        )
        yield Found(rating=rating, where=answer.node.way, fail=answer.node.error)


def _cancelled(annotation: Node) -> bool:
    flag = annotation.get("was_cancelled")
    return flag is not None and flag.value is True


def _rater(node: Node) -> str:
    """Name the expert by e-mail address or number; exports have either."""
    if isinstance(node.value, Mapping):
        email = node.get("email")
        return _name(node.at("id") if email is None else email)
    return _name(node)


def _name(node: Node) -> str:
    value = node.value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise node.error("is no name", "it must be a text or a whole number")
    return value


def _optional_name(fields: Node, key: str) -> str | None:
    node = fields.get(key)
    return None if node is None or node.value == "" else _name(node)


def _sample(fields: Node) -> int:
    node = fields.get("sample")
    if node is None:
        return 0
    if not isinstance(node.value, int) or isinstance(node.value, bool) or node.value < 0:
        raise node.error("is no sample number", "it must be a whole number from 0")
    return node.value


def _written(node: Node) -> str:
    if isinstance(node.value, str):
        return node.value
    return "\n".join(line.text() for line in node.items())


def _score(region: Node, codes: Mapping[str, float]) -> float:
    kind, value = region.at("type").text(), region.at("value")
    if kind in {"rating", "number"}:
        return _number(value.at(kind))
    if kind != "choices":
        raise region.error(f"is of type '{clipped(kind)}'", "use choices, rating or number")
    chosen = list(value.at("choices").items())
    if len(chosen) != 1:
        raise region.error(f"has {len(chosen)} choices", "an answer is one choice")
    return _coded(chosen[0], codes)


def _number(node: Node) -> float:
    if not isinstance(node.value, int | float) or isinstance(node.value, bool):
        raise node.error("is no number", "is it the file of another tool?")
    return float(node.value)


def _coded(node: Node, codes: Mapping[str, float]) -> float:
    choice = node.text()
    if choice in codes:
        return codes[choice]
    digits = choice.removeprefix("-")
    if digits.isascii() and digits.replace(".", "", 1).isdigit():
        return float(choice)
    raise node.error(f"is '{clipped(choice)}', no number", "say which score this choice stands for")
