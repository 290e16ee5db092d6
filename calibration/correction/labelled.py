"""The labelled items: how many judged items each of them stands for.

Items fall into cells inside which the labels are a random draw. A label of a cell with N_c items
and n_c labels stands for N_c / n_c items. Items of a cell without any label are not covered: what
experts would say of them is unknown and is carried as the whole scale.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from calibration.correction.clusters import DesignEffects, design_effects
from calibration.estimate import InsufficientLabels
from calibration.validation import (
    BoolArray,
    Design,
    FloatArray,
    IntArray,
    check_codes,
    check_design,
    check_ratings,
    check_same_length,
)

MOST_LEVELS = 12
FEW_LABELS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Judged items, the labels among them, and what each label stands for.

    Attributes
    ----------
    judge, human : float array, shape (N,)
        NaN where there is no verdict or no label.
    weight : float array, shape (N,)
        Number of items that a labelled item stands for; 0 where there is no label.
    covered : bool array, shape (N,)
        Whether the item's cell holds a label.
    effects : DesignEffects
        Of items that share a prompt; 1 without clusters.
    """

    judge: FloatArray
    human: FloatArray
    weight: FloatArray
    covered: BoolArray
    effects: DesignEffects = field(default_factory=DesignEffects)

    @property
    def used(self) -> BoolArray:
        """Items with a label."""
        return ~np.isnan(self.human)

    @property
    def missing(self) -> BoolArray:
        """Items without a verdict."""
        return np.isnan(self.judge)

    @property
    def n_judged(self) -> int:
        """Items with a verdict."""
        return int((~self.missing).sum())

    @property
    def n_labelled(self) -> int:
        """Items with a label."""
        return int(self.used.sum())

    def effective_labels(self, among: BoolArray) -> float:
        """How many independent, equally weighted labels those among the given items equal."""
        weight = self.weight[among & self.used]
        if weight.size == 0:
            return 0.0
        return float(weight.sum() ** 2 / (weight**2).sum()) / self.effects.labels


def read_labelled(
    judge: npt.ArrayLike,
    human: npt.ArrayLike,
    *,
    scale: tuple[float, float],
    design: Design,
    clusters: npt.ArrayLike | None = None,
    strata: npt.ArrayLike | None = None,
) -> Labelled:
    """Check the arrays of one system and weigh its labels.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        Ratings on the scale, NaN where missing.
    scale : (float, float)
        Ends of the scale.
    design : {"random", "by-verdict", "curated"}
        How the labelled items were chosen.
    clusters, strata : array, shape (N,), optional
        Prompt and stratum of each item.

    Returns
    -------
    Labelled

    Raises
    ------
    ValueError
        If an array is empty, infinite, off the scale or of another length, or the design unknown.
    InsufficientLabels
        If there are fewer than 2 labels, or none on an item with a verdict.
    """
    check_design(design)
    verdicts = check_ratings("judge", judge, scale)
    labels = check_ratings("human", human, scale)
    check_same_length(judge=verdicts, human=labels)
    if bool(np.isnan(verdicts).all()):
        raise ValueError("judge has no verdict on any item.")
    return weigh_labels(
        verdicts,
        labels,
        cells=draw_cells(verdicts, check_codes("strata", strata, verdicts.size), design),
        prompts=check_codes("clusters", clusters, verdicts.size),
    )


def weigh_labels(
    judge: FloatArray, human: FloatArray, *, cells: IntArray, prompts: IntArray | None
) -> Labelled:
    """Weigh labels that are a random draw within each cell.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        Checked ratings, NaN where missing.
    cells : int array, shape (N,)
        Cell of each item.
    prompts : int array, shape (N,), or None
        Prompt of each item.

    Returns
    -------
    Labelled

    Raises
    ------
    InsufficientLabels
        If there are fewer than 2 labels, or none on an item with a verdict.
    """
    used = ~np.isnan(human)
    _require_labels(judge, used)
    weight, covered = _weigh(cells, used)
    effects = design_effects(judge, human, prompts, used=used)
    return Labelled(judge=judge, human=human, weight=weight, covered=covered, effects=effects)


def draw_cells(judge: FloatArray, strata: IntArray | None, design: Design) -> IntArray:
    """Give each item its cell: the stratum, and the verdict too where labels were drawn by it.

    Items without a verdict are always cells of their own: they are rarely like the others.

    Raises
    ------
    ValueError
        If labels drawn by verdict meet a judge with too many different scores.
    """
    missing = np.isnan(judge)
    level = missing.astype(np.intp)
    if design == "by-verdict":
        level = np.unique(np.where(missing, np.inf, judge), return_inverse=True)[1].astype(np.intp)
    levels = int(level.max()) + 1
    if levels > MOST_LEVELS:
        raise ValueError(
            f"judge has {levels} levels, too many for design='by-verdict'; "
            "pass the score bins that the labels were drawn from as strata."
        )
    return level if strata is None else level + strata * levels


def draw_warnings(labelled: Labelled, design: Design, *, stratified: bool = False) -> list[str]:
    """Say what was assumed of the labels, and what is missing."""
    assumed = {
        "random": "at random from all items",
        "by-verdict": "at random among the items with the same verdict",
        "curated": "by hand, so the judge's error rates on them are assumed to hold everywhere",
    }[design]
    within = " within each stratum" if stratified and design != "curated" else ""
    warnings = [f"Assumes that the labelled items were chosen {assumed}{within}."]
    if labelled.n_labelled < FEW_LABELS:
        warnings.append(f"Only {labelled.n_labelled} labels; more would shorten the interval most.")
    missing = int(labelled.missing.sum())
    if missing:
        warnings.append(_missing_warning(labelled, missing))
    return [*warnings, *labelled.effects.warnings]


def _missing_warning(labelled: Labelled, missing: int) -> str:
    unknown = int((labelled.missing & ~labelled.covered).sum())
    how = "they are carried as all good and as all bad"
    if unknown == 0:
        how = "the labels among them stand for them"
    elif unknown < missing:
        how = f"{unknown} of them, with no label near, are carried as all good and as all bad"
    return f"{missing} of {labelled.judge.size} items have no verdict; {how}."


def _require_labels(judge: FloatArray, used: BoolArray) -> None:
    count = int(used.sum())
    if count < 2:
        raise InsufficientLabels(f"{count} labels; at least 2 are needed.")
    if not bool((used & ~np.isnan(judge)).any()):
        raise InsufficientLabels("no labelled item has a verdict; label items that were judged.")


def _weigh(cells: IntArray, used: BoolArray) -> tuple[FloatArray, BoolArray]:
    index = np.unique(cells, return_inverse=True)[1]
    items = np.bincount(index)
    labels = np.bincount(index, weights=used, minlength=items.size)
    each = items / np.maximum(labels, 1.0)
    return np.where(used, each[index], 0.0), labels[index] > 0.0
