"""Label Studio's JSON export of tasks that were drawn from a run.

Each task carries its opaque name and the digest of its text; each annotation is one rater. Scores
come from the controls that are named after criteria: Rating, Number or Choices; a remark from the
one named note: TextArea.

References
----------
Label Studio documentation, "Export annotations", https://labelstud.io/guide/export.
"""

from collections.abc import Iterator
from pathlib import Path

from calibration.tables.document import Node, read_document
from calibration.tables.errors import TableError
from judge.importers.asked import Asked
from judge.importers.sheets import DIGEST, NOTE, SHOWN, TASK, UNKNOWN, text_digest
from judge.samples import SampledItem
from judge.store.base import Label


def read_annotations(source: Path, asked: Asked) -> tuple[Label, ...]:
    """Read an export, all or none. Cancelled annotations are left out.

    Parameters
    ----------
    source : Path
    asked : Asked
        With the draw on record.

    Raises
    ------
    TableError
        If no draw is on record, a task is not of it or was changed, or a score is no level.
    """
    if asked.drawn is None:
        raise TableError(
            "the run has no draw on record", "name the run that was drawn from", source=source
        )
    known = {item.task: item for item in asked.drawn.items}
    labels: list[Label] = []
    seen: set[tuple[str, str, str]] = set()
    for task in read_document(source).items():
        item = _item(task, known)
        for annotation in task.at("annotations").items():
            if annotation.fields().get("was_cancelled", annotation).value is True:
                continue
            for node, label in _labels(annotation, item, asked):
                key = (item.task, label.rater, label.criterion)
                if key in seen:
                    raise node.error("rates the same a second time", "keep one of the two")
                seen.add(key)
                labels.append(label)
    if not labels:
        raise TableError("no annotation holds a score", "annotate first", source=source)
    return tuple(labels)


def _item(task: Node, known: dict[str, SampledItem]) -> SampledItem:
    shown = task.at("data")
    item = known.get(shown.at(TASK).text())
    if item is None:
        raise shown.at(TASK).error("is no task of the run's draw", "import the tasks unchanged")
    if shown.at(DIGEST).text() != item.text_sha256:
        raise shown.at(DIGEST).error("was edited", "import the tasks unchanged")
    prompt, response = (shown.at(name).text() for name in SHOWN)
    if text_digest(prompt, response) != item.text_sha256:
        raise shown.error("is not the text that was drawn", "import the tasks unchanged")
    return item


def _labels(annotation: Node, item: SampledItem, asked: Asked) -> Iterator[tuple[Node, Label]]:
    scales, note = asked.scales, _note(annotation)
    for control in annotation.at("result").items():
        named = control.get("from_name")
        criterion = "" if named is None else named.text()
        if criterion not in scales:
            continue
        score = _score(control.at("value"))
        if score is not None and score not in scales[criterion].levels:
            raise control.error(f"gives {score:g}, no level of {criterion}", "use its scale")
        label = asked.shown_label(
            item,
            rater=asked.rater or _rater(annotation),
            criterion=criterion,
            score=score,
            source="label-studio",
        )
        yield control, label.model_copy(update={"rationale": note})


def _note(annotation: Node) -> str:
    """Read the remark: one text, or the lines that were added one by one."""
    for control in annotation.at("result").items():
        named = control.get("from_name")
        if named is not None and named.text() == NOTE:
            return "\n".join(line.text() for line in control.at("value").items_of("text"))
    return ""


def _rater(annotation: Node) -> str:
    by = annotation.at("completed_by")
    email = by.fields().get("email") if isinstance(by.value, dict) else by
    if email is None or not isinstance(email.value, (str, int)) or email.value == "":
        raise by.error("does not say who annotated", "name the rater with --rater")
    return str(email.value)


def _score(value: Node) -> float | None:
    """Read what a control holds: {"rating": 4}, {"number": 4} or {"choices": ["4"]}.

    None for {"choices": ["? cannot assess"]}.
    """
    fields = value.fields()
    for name in ("rating", "number"):
        if name in fields and isinstance(given := fields[name].value, (int, float)):
            return float(given)
    words = [choice.text() for choice in value.items_of("choices")]
    if len(words) == 1:
        first = words[0].split(" ", 1)[0]
        if first == UNKNOWN:
            return None
        if first.lstrip("-").isdigit() and first.isascii():
            return float(first)
    raise value.error("holds no score", "use Rating, Number, or Choices that begin with a level")
