"""The judge passport: what was measured of a judge, for whom it holds, and until when.

A passport speaks of one judge with one rubric, prompt, settings and languages. Anything that
changes what the judge means has another fingerprint and needs another passport. The file format
is in `calibration.passport_file`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from calibration.estimate import Estimate

Design = Literal["random", "by-verdict", "neyman", "curated"]
Provenance = Literal["LIVE", "RECORDED", "SIMULATED"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeIdentity:
    """What makes the judge this judge.

    Attributes
    ----------
    name : str
        Model and version, for readers; only the hashes are compared.
    judge_hash, rubric_hash, prompt_hash, settings_hash : str
        As `fingerprint` gives them, or any other text that changes with the content.
    languages : tuple of str
        Languages of the labelled items, sorted.
    """

    name: str
    judge_hash: str
    rubric_hash: str
    prompt_hash: str
    settings_hash: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSource:
    """Where the expert labels came from.

    Attributes
    ----------
    source : str
        Who labelled, or the data set's name and version.
    count : int
        Labelled items.
    raters : int
        Experts.
    design : {'random', 'by-verdict', 'neyman', 'curated'}
        How the items were chosen.
    labelled_on : date
        Last day of labelling.
    """

    source: str
    count: int
    raters: int
    design: Design
    labelled_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number of the passport with its interval.

    Attributes
    ----------
    value, low, high : float
    confidence : float
    n : int
        Items behind it.
    """

    value: float
    low: float
    high: float
    confidence: float
    n: int

    @classmethod
    def of(cls, estimate: Estimate) -> "Measure":
        """Keep the numbers of an estimate."""
        return cls(
            value=estimate.value,
            low=estimate.low,
            high=estimate.high,
            confidence=estimate.confidence,
            n=estimate.n_labelled,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PassportEntry:
    """What was measured for one criterion, over all items or in one group.

    Attributes
    ----------
    criterion : str
    group : str | None
        Scenario or domain; None for all items.
    n : int
        Items with a verdict and a label.
    beyond_chance : Measure | None
        Youden's J for two values, Krippendorff's alpha for more: above 0 the judge knows
        something. None where the labels cannot tell.
    agreement : mapping of str to Measure
        Coefficients by name.
    sensitivity, specificity : Measure | None
    flip_rate : Measure | None
        Share of verdicts that change when the same judge is asked again.
    """

    criterion: str
    group: str | None
    n: int
    beyond_chance: Measure | None
    agreement: Mapping[str, Measure]
    sensitivity: Measure | None = None
    specificity: Measure | None = None
    flip_rate: Measure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgePassport:
    """The passport.

    Attributes
    ----------
    identity : JudgeIdentity
    labels : LabelSource
    entries : tuple of PassportEntry
        One for each criterion and group.
    provenance : {'LIVE', 'RECORDED', 'SIMULATED'}
        Of the verdicts.
    issued, expires : date
        First and last day on which it holds.
    """

    identity: JudgeIdentity
    labels: LabelSource
    entries: tuple[PassportEntry, ...]
    provenance: Provenance
    issued: date
    expires: date

    def __post_init__(self) -> None:
        """Refuse a passport that contradicts itself."""
        if self.expires < self.issued:
            raise ValueError(f"a passport cannot expire on {self.expires}, before {self.issued}.")
        if self.labels.count < 0 or self.labels.raters < 0:
            raise ValueError("counts of labels and raters cannot be negative.")
        names = [(entry.criterion, entry.group) for entry in self.entries]
        if len(set(names)) < len(names):
            raise ValueError("two entries speak of the same criterion and group.")

    def entry(self, criterion: str, group: str | None = None) -> PassportEntry | None:
        """Find what was measured for a criterion in a group, or over all items."""
        wanted = criterion, group
        return next((one for one in self.entries if (one.criterion, one.group) == wanted), None)


def fingerprint(content: object) -> str:
    """Hash any JSON content, so that equal content gives equal text whatever its key order.

    Raises
    ------
    ValueError
        If the content is no JSON, or holds NaN.

    Examples
    --------
    >>> fingerprint({"a": 1, "b": "好"}) == fingerprint({"b": "好", "a": 1})
    True
    """
    try:
        text = json.dumps(
            content, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
    except TypeError as error:
        raise ValueError(f"only JSON content has a fingerprint: {error}.") from error
    return "sha256:" + hashlib.sha256(text.encode("utf-8")).hexdigest()
