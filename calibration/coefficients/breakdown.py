"""Agreement by criterion, by group and by system: one report for each, never a pooled one alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from calibration.coefficients.alpha import Level
from calibration.coefficients.report import AgreementReport, agreement
from calibration.estimate import Undefined
from calibration.pairs import as_vector


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementByGroup:
    """One report for each group, or the reason why a group has none.

    Attributes
    ----------
    reports : mapping of str to AgreementReport
        In sorted order of the groups.
    undefined : mapping of str to str
        Groups in which no item has both ratings.
    """

    reports: Mapping[str, AgreementReport]
    undefined: Mapping[str, str]


def agreement_by_group(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    groups: npt.ArrayLike,
    *,
    level: Level = "nominal",
    confidence: float = 0.95,
    categories: npt.ArrayLike | None = None,
) -> AgreementByGroup:
    """Report agreement in each group of items.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        NaN where a rating is missing.
    groups : str array, shape (N,)
        Criterion, scenario, domain or system of each item.
    level, confidence, categories
        As in `agreement`. Give the categories: a level that a group lacks is still a level.

    Raises
    ------
    ValueError
        If the arrays do not align, or a rating is not among the categories.
    """
    verdicts, labels = as_vector("judge", judge), as_vector("human", human)
    names = np.asarray(groups, dtype=np.str_)
    if not verdicts.shape == labels.shape == names.shape:
        raise ValueError(
            "judge, human and groups must be as long as each other; "
            f"got {verdicts.size}, {labels.size} and {names.size}."
        )
    reports: dict[str, AgreementReport] = {}
    undefined: dict[str, str] = {}
    for name in np.unique(names).tolist():
        inside = names == name
        try:
            reports[name] = agreement(
                verdicts[inside],
                labels[inside],
                level=level,
                confidence=confidence,
                categories=categories,
            )
        except Undefined as reason:
            undefined[name] = str(reason)
    return AgreementByGroup(
        reports=MappingProxyType(reports), undefined=MappingProxyType(undefined)
    )
