"""Labels of some sources of several, and what the product's own chain says of all.

Tables of scores and labels are written and read as a user's are, said to be drawn at random, and
calibrated, once with a column that names the source and once without. Pass rates and the judge's
errors differ by source. With the column there must be no score for all, or one that holds; each
labelled source has a score of its own. Without it a score is given, and what the labelled items
differ in must be told.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from judge.calibrate.analysis import calibrate
from judge.calibrate.calibration_set import Question
from judge.calibrate.from_files import material
from judge.calibrate.from_run import parts
from judge.calibrate.result import Finding, Findings
from simulation.draws import judged
from simulation.methods import BY_SOURCE, FOR_ALL, WITHOUT
from simulation.settings import SHIFT
from simulation.tally import Limits, limit_counts

TOLD = "Labelled items differ"
SEEN = 0.1
_TEXT = {"zh": "这是一段回答。", "en": "An answer in some words."}

Row = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Prompts of one origin: how many, how they fare, how the judge errs on them, how they read."""

    items: int
    rate: float
    judge: tuple[float, float]
    text: str | None = None

    @property
    def passed(self) -> float:
        """Share that the judge passes."""
        return self.rate * self.judge[0] + (1.0 - self.rate) * (1.0 - self.judge[1])


@dataclass(frozen=True, kw_only=True)
class Shift:
    """A cell: sources, of which the first ``labelled`` share ``n`` labels evenly.

    ``met`` tells whether a random draw of so many would have met each source.
    """

    name: str
    n: int
    sources: tuple[Source, ...]
    labelled: int = 1
    met: bool = True

    @property
    def truth(self) -> float:
        """Rate over all sources."""
        items = np.array([each.items for each in self.sources])
        return float(items @ [each.rate for each in self.sources] / items.sum())

    @property
    def seen(self) -> bool:
        """Whether labelled and other items differ by a tenth in verdicts or in language."""
        per = self.n // self.labelled
        mine = [per if at < self.labelled else 0 for at in range(len(self.sources))]
        rest = [each.items - n for each, n in zip(self.sources, mine, strict=True)]
        passed = [each.passed for each in self.sources]
        chinese = [float(each.text == "zh") for each in self.sources]
        apart = (
            abs(float(np.average(values, weights=mine) - np.average(values, weights=rest)))
            for values in (passed, chinese)
        )
        return max(apart) >= SEEN


_GOOD, _STRICT, _BLIND = (0.97, 0.80), (0.85, 0.95), (0.97, 0.22)
# Of both the judge passes 91 %, and experts 90 and 70 %.
_SAME_MIX = ((0.9, (0.97, 0.60)), (0.7, (0.97, 0.22)))
_SIX = (0.97, 0.9, 0.8, 0.7, 0.6, 0.5)


def _two(rates: tuple[float, float], judges: tuple[tuple[float, float], ...]) -> tuple[Source, ...]:
    return tuple(
        Source(items=200, rate=rate, judge=judge) for rate, judge in zip(rates, judges, strict=True)
    )


def _six(judge: tuple[float, float], other: tuple[float, float]) -> tuple[Source, ...]:
    return tuple(
        Source(items=80, rate=rate, judge=other if at else judge) for at, rate in enumerate(_SIX)
    )


def _alike(*texts: str | None) -> tuple[Source, ...]:
    return tuple(
        Source(items=200, rate=rate, judge=judge, text=text)
        for (rate, judge), text in zip(_SAME_MIX, texts, strict=True)
    )


def cells() -> Iterator[Shift]:
    """Give every cell."""
    designs: tuple[tuple[str, tuple[Source, ...], int], ...] = (
        ("2 sources, .95 labelled, .6 not", _two((0.95, 0.6), (_GOOD, _GOOD)), 1),
        ("2 sources, .6 labelled, .95 not", _two((0.6, 0.95), (_GOOD, _GOOD)), 1),
        ("2 sources, judge blind to the other", _two((0.95, 0.6), (_GOOD, _BLIND)), 1),
        ("2 sources, judge strict to the other", _two((0.9, 0.9), (_GOOD, _STRICT)), 1),
        ("6 sources, 1 labelled", _six(_GOOD, _GOOD), 1),
        ("6 sources, 1 labelled, judge blind to 5", _six(_GOOD, _BLIND), 1),
        ("6 sources, 2 labelled", _six(_GOOD, _STRICT), 2),
        ("2 sources, same verdicts", _alike(None, None), 1),
        ("2 sources, same verdicts, other language", _alike("zh", "en"), 1),
    )
    for n in (30, 70):
        for name, sources, labelled in designs:
            yield Shift(name=name, n=n, sources=sources, labelled=labelled)
    # So small a source that a random draw may miss it: a score for all is given, and must hold.
    for items in (8, 16):
        small = (
            Source(items=400 - items, rate=0.95, judge=_GOOD),
            Source(items=items, rate=0.5, judge=_GOOD),
        )
        yield Shift(name=f"source of {items} of 400 not labelled", n=70, sources=small, met=False)


def run_shift(cell: Shift, repeats: int) -> list[Row]:
    """Simulate a cell; one row for each of the three answers."""
    seed = [cell.n, *cell.name.encode()]
    whole: list[Limits] = []
    own: list[tuple[Limits, float]] = []
    without: list[Limits] = []
    told = silent = 0
    with TemporaryDirectory() as kept:
        for repeat in range(repeats):
            scores, labels = _tables(cell, np.random.default_rng([repeat, *seed]))
            found = _calibrated(Path(kept), scores, labels)
            whole += [_limits(each) for each in _scored(found, whole=True)]
            rates = {f"s{at}": each.rate for at, each in enumerate(cell.sources)}
            own += [(_limits(each), rates[str(each.group)]) for each in _scored(found, whole=False)]
            bare = [{k: v for k, v in row.items() if k != "group"} for row in scores]
            blind = _calibrated(Path(kept), bare, labels)
            said = any(TOLD in one for each in blind.findings for one in each.warnings)
            given = [_limits(each) for each in _scored(blind, whole=True)]
            without += given
            told += said
            silent += not said and any(not low <= cell.truth <= high for low, high in given)
    about: Row = {"section": SHIFT, "setting": cell.name, "n": cell.n, "repeats": repeats}
    shifted = np.array([[low - rate, high - rate] for (low, high), rate in own])
    return [
        about
        | {"method": FOR_ALL, "answered": len(whole) / repeats, "met": cell.met}
        | limit_counts(np.array(whole), truth=cell.truth),
        about
        | {"method": BY_SOURCE, "answered": len(own) / (repeats * cell.labelled)}
        | limit_counts(shifted, truth=0.0),
        about
        | {"method": WITHOUT, "answered": len(without) / repeats, "seen": cell.seen}
        | {"told": told / repeats, "silent": silent / repeats}
        | limit_counts(np.array(without), truth=cell.truth),
    ]


def _tables(cell: Shift, rng: np.random.Generator) -> tuple[list[Row], list[Row]]:
    """Draw the rows of scores and labels; the first items of a source are its labelled ones."""
    scores: list[Row] = []
    labels: list[Row] = []
    for at, source in enumerate(cell.sources):
        truth = (rng.random(source.items) < source.rate).astype(float)
        said = judged(truth, source.judge, rng)
        for number in range(source.items):
            name = f"s{at}-{number}"
            row: Row = {"id": name, "judge": "m", "criterion": "safe", "group": f"s{at}"}
            text = {} if source.text is None else {"response": _TEXT[source.text]}
            scores.append({**row, "score": int(said[number]), **text})
            if at < cell.labelled and number < cell.n // cell.labelled:
                label = {"id": name, "rater": "ann", "criterion": "safe"}
                labels.append({**label, "score": int(truth[number])})
    return scores, labels


def _calibrated(folder: Path, scores: list[Row], labels: list[Row]) -> Findings:
    files = folder / "scores.jsonl", folder / "labels.jsonl"
    for file, rows in zip(files, (scores, labels), strict=True):
        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    read = material(*files, question=Question())
    return calibrate(parts(read), design="random", source="scores", labels="labels")


def _scored(found: Findings, *, whole: bool) -> list[Finding]:
    return [
        each
        for each in found.findings
        if (each.group is None) == whole and each.corrected is not None
    ]


def _limits(finding: Finding) -> Limits:
    if finding.corrected is None:
        raise ValueError("a finding without a corrected score has no limits.")
    return finding.corrected.low, finding.corrected.high
