"""`calibrate` as a function."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypedDict, Unpack

from judge.calibrate.result import Findings, verdict
from judge.cli.calibrate_inputs import Calibrated, Sources, aims, calibrated, question
from judge.cli.calibrate_output import write_passport
from judge.run.grading_input import Frame, plain_value
from judge.run.judgments import Judgments, html_table

if TYPE_CHECKING:
    from pandas import DataFrame

# Scores and labels of a program as the tables that the readers take.

Table = str | Path | Frame | Judgments | Iterable[Mapping[str, object]]
"""A path, a DataFrame, the result of `grade`, or dicts with the columns of the file."""


def as_file(given: Table, folder: Path, name: str) -> Path:
    """Give the path of a table; what a program holds is written first, so that it is checked alike.

    Parameters
    ----------
    given : str, Path, DataFrame, Judgments, or iterable of dict
    folder : Path
        Where what is not a file is written, as JSON Lines.
    name : str
        What messages call it.
    """
    if isinstance(given, (str, Path)):
        return Path(given)
    if isinstance(given, Judgments):
        rows: Iterable[Mapping[str, object]] = given.rows()
    elif isinstance(given, Frame):
        rows = given.to_dict("records")
    else:
        rows = given
    path = folder / f"{name}.jsonl"
    lines = (
        json.dumps({key: plain_value(value) for key, value in row.items()}, ensure_ascii=False)
        for row in rows
    )
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


_COLUMNS = (
    "judge", "criterion", "system", "group", "labels", "uncorrected", "corrected", "low", "high",
    "agreement", "recall",
)  # fmt: skip


class CalibrateOptions(TypedDict, total=False):
    """What `calibrate` takes beside scores and labels."""

    store: str | Path
    """Store of the run; CVALUES_STORE or .cvalues/store.db where it is not given."""
    design: str
    """How labelled items were chosen: random, by-verdict or curated. Needed for `scores`."""
    scale: Mapping[str, tuple[float, float]]
    """Criterion to lowest and highest score, where scores are not 0 and 1."""
    at_least: Mapping[str, float]
    """Criterion to the level from which an item passes; makes a rate of any scale."""
    by: str
    """Column to report by, such as group."""
    clusters: str
    """Column of the prompt that several items share."""
    gold: str
    """Rater whose labels are the reference; else the majority of all raters."""
    judge: str
    """One judge of several."""
    confidence: float
    """Confidence level of all intervals; 0.95."""


class Calibration:
    """What a calibration found; a notebook shows the verdict and the table of scores."""

    def __init__(self, done: Calibrated) -> None:
        self._done = done

    @property
    def findings(self) -> Findings:
        """Every number, as in the JSON of `cvalues calibrate`."""
        return self._done.findings

    @property
    def verdict(self) -> tuple[str, ...]:
        """Whether the judge can be used, and the corrected scores, in sentences."""
        return tuple(verdict(self.findings))

    def rows(self) -> list[dict[str, object]]:
        """Give one row for each judge, criterion and system, and for each group with `by`."""
        rows: list[dict[str, object]] = []
        for each in self.findings.findings:
            corrected, agreed = each.corrected, each.agreement
            main = agreed.coefficients.get(agreed.main) if agreed else None
            values = (
                each.judge, each.name, each.system, each.group, each.n_labelled,
                each.judge_only.value,
                corrected.value if corrected else None,
                corrected.low if corrected else None,
                corrected.high if corrected else None,
                main.value if main else None,
                each.recalls[0].rate.value if each.recalls else None,
            )  # fmt: skip
            rows.append(dict(zip(_COLUMNS, values, strict=True)))
        return rows

    def to_pandas(self) -> "DataFrame":
        """Give the rows as a DataFrame; `recall` is that of the rarer class of the experts."""
        import pandas as pd

        return pd.DataFrame(self.rows(), columns=pd.Index(_COLUMNS))

    def write_passport(self, path: str | Path, *, days: int = 90) -> None:
        """Write the judge's calibration passport, which a gate asks for."""
        write_passport(Path(path), self._done, days=days, judge_hash=None, rubric_hash=None)

    def __repr__(self) -> str:
        return "\n".join(self.verdict)

    def _repr_html_(self) -> str:
        # The stamp of what is simulated stands before the verdict.
        caption = " ".join(self.verdict[:2] if self.findings.simulated else self.verdict[:1])
        return html_table(_COLUMNS, [list(row.values()) for row in self.rows()], caption=caption)


def calibrate(
    scores: Table | None = None,
    labels: Table | None = None,
    *,
    run: str | None = None,
    **options: Unpack[CalibrateOptions],
) -> Calibration:
    """Compare judge scores with expert labels: agreement, recall, corrected scores.

    Use it before any score of a judge is believed: `corrected` is the value that stands, with an
    interval that covers the errors of the judge.

    Parameters
    ----------
    scores : path, DataFrame, Judgments or iterable of dict, optional
        Of any tool: ``id, judge, criterion, score`` and, where known, ``system, sample, group``;
        a missing score is a missing verdict. Or name a `run`.
    labels : the same, optional
        ``id, rater, criterion, score`` and, where needed, ``system, sample``. Of a run: its own.
    run : str, optional
        A run of the store, in place of scores.
    **options
        See `judge.notebook.calibrate.CalibrateOptions`.

    Returns
    -------
    Calibration

    Raises
    ------
    judge.errors.ConfigError
        If scores, labels and options do not fit together.
    judge.files.TableError
        If a row cannot be used.

    Examples
    --------
    >>> scores = [
    ...     {"id": str(n), "judge": "m", "criterion": "safe", "score": int(n % 5 > 0)}
    ...     for n in range(200)
    ... ]
    >>> labels = [
    ...     {"id": score["id"], "rater": "ann", "criterion": "safe", "score": score["score"]}
    ...     for score in scores[:60]
    ... ]
    >>> found = calibrate(scores, labels, design="random")
    >>> found.verdict[0]
    'Use the corrected scores below; do not use the raw scores.'
    """
    asked = question(
        scales=[f"{name}={low},{high}" for name, (low, high) in options.get("scale", {}).items()],
        at_least=[f"{name}={level}" for name, level in options.get("at_least", {}).items()],
        only=(),
        by=options.get("by"),
        judge=options.get("judge"),
        gold=options.get("gold"),
        clusters=options.get("clusters"),
    )
    with TemporaryDirectory() as kept:
        folder = Path(kept)
        store = options.get("store")
        sources = Sources(
            scores=None if scores is None else as_file(scores, folder, "scores"),
            run=run,
            labels=None if labels is None else as_file(labels, folder, "labels"),
            store=None if store is None else str(store),
            encoding=None,
        )
        wanted = {"wanted_agreement": 0.9, "wanted_reliability": 0.8}
        return Calibration(
            calibrated(
                sources,
                asked,
                design=options.get("design"),
                by_group="by" in options,
                aims=aims(None, confidence=options.get("confidence", 0.95), **wanted),
                passport=True,
            )
        )
