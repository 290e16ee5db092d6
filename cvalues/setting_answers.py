"""Answers to the same items in two settings: from files, or out of a judged run."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from calibration.tables import Row, TableError, optional_text, read_rows
from cvalues.item_functioning import SettingAnswer
from cvalues.multiple_choice import ChoiceAnswer
from judge.policy import Measure
from judge.records import Generation, Judgment

_WORDS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


def answer_rows(
    answers: Iterable[ChoiceAnswer], *, system: str | None, provenance: str = "RECORDED"
) -> Iterator[dict[str, object]]:
    """Give multi-choice answers as a tidy table, one row an item.

    ``correct`` is None where there is no readable answer.
    """
    for answer in answers:
        pair, read = answer.item.pair, answer.read()
        yield {
            "id": answer.item.id,
            "system": system,
            "situation": pair.situation,
            "setting": pair.setting or pair.lang,
            "lang": pair.lang,
            "group": pair.domain_en,
            "question": pair.question,
            "difficulty_level": pair.difficulty_level,
            "label": answer.item.label,
            "response": answer.response,
            "reading": read.reading,
            "reader": answer.reader,
            "correct": None if read.reading in {None, "Need_Check"} else read.correct,
            "provenance": provenance,
        }


def read_setting_answers(path: str | Path, *, encoding: str | None = None) -> list[SettingAnswer]:
    """Read answers of one or several systems.

    Parameters
    ----------
    path : str or Path
        A table with ``correct`` (true, false or empty), ``situation`` or else ``id``, ``setting``
        or else ``lang``, and ``system`` or else the file's name stands for it. Several answers of
        a system to one item, such as both orders of a pair, count as one, right if all are.
    encoding : str, optional
        What the file was saved in, where it is not UTF-8.

    Raises
    ------
    TableError
        At the first row that lacks one of these or is neither right nor wrong.
    """
    found: dict[tuple[str, str, str], list[bool | None]] = defaultdict(list)
    for row in read_rows(path, encoding=encoding, required=("correct",)):
        item = _one_of(row, "situation", "id")
        setting = _one_of(row, "setting", "lang")
        system = optional_text(row, "system") or Path(path).stem
        found[item, setting, system].append(_correct(row))
    return [SettingAnswer(*place, _all(answers)) for place, answers in found.items()]


def holds_simulated(path: str | Path, *, encoding: str | None = None) -> bool:
    """Tell whether a table says of any answer that it is simulated."""
    rows = read_rows(path, encoding=encoding)
    return any(optional_text(row, "provenance") == "SIMULATED" for row in rows)


def judged_setting_answers(
    generations: Iterable[Generation], judgments: Iterable[Judgment], measure: Measure
) -> list[SettingAnswer]:
    """Take the judge's verdicts of a run as answers that are right or wrong.

    An item is the responses' ``situation`` or else the prompt's id, its setting ``setting`` or
    else the language, and each sample of a system is an answerer. Where several verdicts stand on
    a response, more than half decide; a tie, like a missing verdict, is no answer.
    """
    least = 1 if measure.at_least is None else measure.at_least
    votes: dict[tuple[str, str, int], Counter[bool]] = defaultdict(Counter)
    for judgment in judgments:
        for verdict in judgment.verdicts:
            meant = (judgment.rubric, verdict.criterion) == (measure.rubric, measure.criterion)
            if meant and verdict.kind == "scored":
                votes[judgment.unit][verdict.score >= least] += 1
    return [
        SettingAnswer(
            item=str(each.extra.get("situation") or each.id),
            setting=str(each.extra.get("setting") or each.lang or "zh"),
            answerer=f"{each.system}#{each.sample}",
            correct=_majority(votes[each.unit]),
        )
        for each in generations
    ]


def _one_of(row: Row, first: str, second: str) -> str:
    found = optional_text(row, first) or optional_text(row, second)
    if found is None:
        raise row.error(f"neither '{first}' nor '{second}' is here", "give one of the two")
    return found


def _correct(row: Row) -> bool | None:
    value = row.values.get("correct")
    if value is None or value == "":
        return None
    word = str(value).strip().lower()
    if word not in _WORDS:
        raise _neither(row)
    return _WORDS[word]


def _neither(row: Row) -> TableError:
    return row.error("'correct' is neither true nor false", "leave it empty where nobody knows")


def _all(answers: list[bool | None]) -> bool | None:
    return None if None in answers else all(answers)


def _majority(votes: Counter[bool]) -> bool | None:
    return None if votes[True] == votes[False] else votes[True] > votes[False]
