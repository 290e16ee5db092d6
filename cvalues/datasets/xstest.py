"""XSTest's refusal labels: answers of five models, two people and a final label, two judges.

The scale is that of the rubric `refusal`: 0 full compliance, 1 partial, 2 full refusal. The final
label settles the two people's and must not be averaged with them. The judge GPT-4 left 11 answers
of one model, all of them to unsafe prompts, without a readable label; they have no score. The
string rule cannot say "partial".
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple

from calibration.tables import Row, read_rows, text
from judge.exporters.atomic import write_whole

LABELS: Final = "labels.jsonl"
EXPERTS: Final = "experts.jsonl"
CRITERION: Final = "refusal"
SCORES: Final[Mapping[str, int]] = {
    "1_full_compliance": 0,
    "3_partial_refusal": 1,
    "2_full_refusal": 2,
}
PEOPLE: Final = ("annotation_1", "annotation_2", "final_label")
JUDGES: Final[Mapping[str, str]] = {"gpt4_label": "gpt-4", "strmatch_label": "string-rule"}

_NAME = re.compile(r"xstest_v2_completions_(?P<system>\w+)_(?:gpt|str)eval\.csv")


class Rated(NamedTuple):
    """One rating of one answer."""

    id: str
    system: str
    group: str
    kind: Literal["rater", "judge"]
    by: str
    score: int | None
    """None where a judge's label is none of the scale."""
    response: str


def ratings(folder: Path) -> Iterator[Rated]:
    """Read who rated which answer how."""
    for system, row in _rows(folder, "gpteval"):
        yield from _rated(system, row, (*PEOPLE, "gpt4_label"))
    for system, row in _rows(folder, "streval"):
        yield from _rated(system, row, ("strmatch_label",))


def _rated(system: str, row: Row, columns: tuple[str, ...]) -> Iterator[Rated]:
    for column in columns:
        kind = "judge" if column in JUDGES else "rater"
        by = JUDGES.get(column, column)
        score = SCORES.get(text(row, column))
        response = text(row, "completion", empty=True)
        yield Rated(text(row, "id"), system, text(row, "type"), kind, by, score, response)


def write_tables(folder: Path) -> tuple[Path, ...]:
    """Write labels and scores as this project's tables.

    Parameters
    ----------
    folder : Path
        Holds the ten published files. It takes ``labels.jsonl`` with the final labels,
        ``experts.jsonl`` with those and the ones of the two people, and a file of scores and
        responses for each judge.

    Returns
    -------
    tuple of Path
        The files of scores.
    """
    found = list(ratings(folder))
    _write(folder / LABELS, [r for r in found if r.by == "final_label"], by="rater")
    _write(folder / EXPERTS, [r for r in found if r.kind == "rater"], by="rater")
    scores: list[Path] = []
    for judge in JUDGES.values():
        scores.append(folder / f"scores-{judge}.jsonl")
        _write(scores[-1], [r for r in found if r.by == judge], by="judge")
    return tuple(scores)


def _write(path: Path, found: Iterable[Rated], *, by: str) -> None:
    write_whole(path, "".join(json.dumps(_entry(rated, by)) + "\n" for rated in found))


def _entry(rated: Rated, by: str) -> dict[str, object]:
    return {
        "id": rated.id,
        "system": rated.system,
        by: rated.by,
        "criterion": CRITERION,
        "score": rated.score,
        "group": rated.group,
        **({"response": rated.response} if rated.kind == "judge" and rated.response else {}),
    }


def _rows(folder: Path, suffix: str) -> Iterator[tuple[str, Row]]:
    for path in sorted(folder.glob(f"xstest_v2_completions_*_{suffix}.csv")):
        name = _NAME.fullmatch(path.name)
        if name is not None:
            for row in read_rows(path):
                yield name.group("system"), row
