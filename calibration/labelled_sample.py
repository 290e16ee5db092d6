"""The labelled items: how many judged items each of them stands for.

Items fall into cells inside which the labels are a random draw. A label of a cell with N_c items
and n_c labels stands for N_c / n_c items. Items of a cell without any label are not covered: what
experts would say of them is unknown and is carried as the whole scale.
"""

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

from calibration.estimate import (
    CellCount,
    DesignEffects,
    InsufficientLabels,
    UnusableJudge,
    counted,
)
from calibration.melding import Form, rate_distribution, summed
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

# Items that share a prompt: how much fewer items they are worth.
#
# With many prompts the design effect 1 + (m - 1) ICC divides the counts. The intraclass
# correlation (ICC) of expert ratings is poorly known from few labels, so that of the judge on all
# items is used, divided by the squared correlation between judge and experts, because the judge's
# noise hides some of it; where the labels' own effect is larger, it counts. With few prompts, and
# for what the labels say alone, the effect is that of the cluster-robust variance of the labels,
# with Student's t of (prompts - 1) degrees of freedom, where enough prompts differ in outcome for
# it to be estimable.
#
# References ---------- Kish (1965), Survey Sampling, section 5.4, the design effect. Donner and
# Koval (1980), Biometrics 36(1), 19-25, the analysis-of-variance ICC. Korn and Graubard (1998),
# Survey Methodology 24(2), 193-201, the effective sample size with the t adjustment.

FEW_PROMPTS = 20
FEW_MIXED = 5  # prompts with either outcome below which the robust variance is not believed


def design_effects(
    judge: FloatArray,
    human: FloatArray,
    clusters: IntArray | None,
    *,
    used: BoolArray,
    weight: FloatArray | None = None,
) -> DesignEffects:
    """Measure both design effects.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        NaN where missing.
    clusters : int array, shape (N,), or None
        Prompt of each item.
    used : bool array, shape (N,)
        The labelled items.
    weight : float array, shape (N,), optional
        Items that each label stands for; all alike without it.

    Returns
    -------
    DesignEffects

    Raises
    ------
    InsufficientLabels
        If all labels lie in one prompt.
    """
    if clusters is None:
        return DesignEffects()
    prompts = int(np.unique(clusters[used]).size)
    if prompts < 2:
        raise InsufficientLabels("labels lie in 1 prompt; at least 2 labelled prompts are needed.")
    judged = ~np.isnan(judge)
    seen = intraclass_correlation(judge[judged], clusters[judged])
    per_prompt = _crowding(clusters[used])
    weights = np.ones(int(used.sum())) if weight is None else weight[used]
    alone = robust_effect(human[used], weights, clusters[used])
    if prompts < FEW_PROMPTS:
        own = alone
    else:
        own = 1.0 + (per_prompt - 1.0) * _without_noise(seen, judge, human)
        # A judge that is often wrong hides how much rare outcomes go together; labels show it.
        own = max(own, alone) if per_prompt > 1.0 else own
    # Labels and verdicts of a labelled prompt err together: twice their covariance is added.
    together = 2.0 * seen * prompts / int(np.unique(clusters).size)
    return DesignEffects(
        items=1.0 + (_crowding(clusters) - 1.0) * seen,
        labels=own + together,
        alone=alone,
        warnings=_cluster_warnings(prompts, per_prompt, counted=int(used.sum()) / alone),
    )


def robust_effect(ratings: FloatArray, weights: FloatArray, clusters: IntArray) -> float:
    """Measure the design effect of a weighted mean by its cluster-robust variance.

    The effective number of ratings is the variance of one over the robust variance of the mean,
    times the square of Student's t of (ratings - 1) over that of (clusters - 1) degrees of
    freedom. Where fewer than FEW_MIXED clusters lie on either side of the mean, that variance may
    be far too small by chance, and a cluster counts as one rating.

    Parameters
    ----------
    ratings : float array, shape (n,)
        No NaN.
    weights : float array, shape (n,)
        Items that each stands for, > 0.
    clusters : int array, shape (n,)
        At least two different ones.

    Returns
    -------
    float
        At least 1.

    References
    ----------
    Korn and Graubard (1998), Survey Methodology 24(2), 193-201, equation 2.
    """
    index = np.unique(clusters, return_inverse=True)[1]
    groups, n = int(index.max()) + 1, ratings.size
    share = weights / weights.sum()
    mean = float(share @ ratings)
    spread = float(share @ (ratings - mean) ** 2)
    equal = n / min(groups, n)
    totals = np.bincount(index, weights=share * (ratings - mean))
    robust = groups / (groups - 1) * float(totals @ totals)
    if robust <= 0.0 or spread <= 0.0:
        return equal
    # The weights alone make fewer ratings of n; that part is not the clusters'.
    unclustered = spread * float(share @ share)
    adjustment = (special.stdtrit(groups - 1, 0.975) / special.stdtrit(n - 1, 0.975)) ** 2
    effect = robust / unclustered * float(adjustment)
    sides = [np.unique(index[side]).size for side in (ratings < mean, ratings > mean)]
    return max(effect, 1.0) if min(sides) >= FEW_MIXED else equal


def intraclass_correlation(ratings: FloatArray, clusters: IntArray) -> float:
    """Estimate the share of variance that lies between clusters, by analysis of variance.

    Parameters
    ----------
    ratings : float array, shape (N,)
        No NaN.
    clusters : int array, shape (N,)
        Cluster of each rating.

    Returns
    -------
    float
        In [0, 1]; 0 where ratings do not vary or no cluster has two items.
    """
    index = np.unique(clusters, return_inverse=True)[1]
    sizes = np.bincount(index).astype(np.float64)
    spare, groups = ratings.size - sizes.size, sizes.size
    if spare == 0 or groups < 2:
        return 0.0
    means = np.bincount(index, weights=ratings) / sizes
    within = float(((ratings - means[index]) ** 2).sum()) / spare
    between = float((sizes * (means - ratings.mean()) ** 2).sum()) / (groups - 1)
    typical = (ratings.size - float((sizes**2).sum()) / ratings.size) / (groups - 1)
    total = between + (typical - 1.0) * within
    return float(np.clip((between - within) / total, 0.0, 1.0)) if total > 0.0 else 0.0


def _crowding(clusters: IntArray) -> float:
    """Mean number of items in the cluster of an item."""
    sizes = np.unique(clusters, return_counts=True)[1].astype(np.float64)
    return float((sizes**2).sum() / sizes.sum())


def _without_noise(seen: float, judge: FloatArray, human: FloatArray) -> float:
    both = ~np.isnan(judge) & ~np.isnan(human)
    x, y = judge[both], human[both]
    if x.size < 3 or float(np.ptp(x)) == 0.0 or float(np.ptp(y)) == 0.0:
        return 1.0
    squared = float(np.corrcoef(x, y)[0, 1]) ** 2
    return min(seen / squared, 1.0) if squared > 0.0 else 1.0


ONE_LABEL_A_PROMPT = (
    "One label for each prompt would give a much shorter interval for the same work."
)
"""Warning where several labels share a prompt."""


def _cluster_warnings(prompts: int, per_prompt: float, *, counted: float) -> tuple[str, ...]:
    if per_prompt <= 1.0:
        return ()
    if prompts < FEW_PROMPTS:
        few = (
            f"Only {prompts} prompts have labels; by how much they differ, the labels count as "
            f"{counted:.0f} independent ones."
        )
        return few, ONE_LABEL_A_PROMPT
    return (ONE_LABEL_A_PROMPT,)


MOST_LEVELS = 12
FEW_LABELS = 30
ALIKE = 1.5  # labels whose weights differ by no more than this factor are counted together


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
    classes : int array, shape (N,)
        Cells whose labels stand for about equally many items have the same number. A label's
        weight is unrelated to its outcome within a class, not always across them.
    effects : DesignEffects
        Of items that share a prompt; 1 without clusters.
    """

    judge: FloatArray
    human: FloatArray
    weight: FloatArray
    covered: BoolArray
    classes: IntArray
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

    def alone(self) -> "Labelled":
        """Give the same labels as they count by themselves, without a look at the judge."""
        effects = replace(self.effects, labels=self.effects.alone)
        return replace(self, effects=effects)

    @property
    def class_masks(self) -> list[BoolArray]:
        """The covered items of each class."""
        inside = self.covered
        return [inside & (self.classes == one) for one in np.unique(self.classes[inside])]


def cell_counts(labelled: Labelled) -> tuple[CellCount, ...]:
    """Count every item by draw, verdict, label and what a label stands for."""
    missing = np.inf  # NaN is unequal to itself
    columns = (
        np.where(labelled.covered, labelled.classes, -1).astype(np.float64),
        np.where(labelled.missing, missing, labelled.judge),
        np.where(labelled.used, labelled.human, missing),
        labelled.weight,
    )
    code = np.zeros(labelled.judge.size, dtype=np.intp)
    for column in columns:
        values, index = np.unique(column, return_inverse=True)
        code = np.unique(code * values.size + index, return_inverse=True)[1]
    first = np.unique(code, return_index=True)[1]
    rows = np.column_stack([column[first] for column in columns]).tolist()
    times = np.bincount(code).tolist()
    return tuple(
        CellCount(
            draw=int(draw),
            verdict=None if verdict == missing else verdict,
            label=None if label == missing else label,
            items=items,
            weight=None if label == missing else weight,
        )
        for (draw, verdict, label, weight), items in zip(rows, times, strict=True)
    )


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
    weight, covered, classes = _weigh(cells, used)
    return Labelled(
        judge=judge,
        human=human,
        weight=weight,
        covered=covered,
        classes=classes,
        effects=design_effects(judge, human, prompts, used=used, weight=weight),
    )


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
            f"judge has {counted(levels, 'level')}, too many for design='by-verdict'; "
            "pass the score bins that the labels were drawn from as strata."
        )
    return level if strata is None else level + strata * levels


HOW_CHOSEN = "Assumes that the labelled items were chosen"
"""How the warning begins that says what was assumed of the draw."""


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
        warnings.append(
            f"Only {counted(labelled.n_labelled, 'label')}; more would shorten the interval most."
        )
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
        raise InsufficientLabels(f"{counted(count, 'label')}; at least 2 are needed.")
    if not bool((used & ~np.isnan(judge)).any()):
        raise InsufficientLabels("no labelled item has a verdict; label items that were judged.")


def _weigh(cells: IntArray, used: BoolArray) -> tuple[FloatArray, BoolArray, IntArray]:
    index = np.unique(cells, return_inverse=True)[1]
    items = np.bincount(index)
    labels = np.bincount(index, weights=used, minlength=items.size)
    each = items / np.maximum(labels, 1.0)
    classes = _classes(np.where(labels > 0.0, each, np.inf))
    return np.where(used, each[index], 0.0), labels[index] > 0.0, classes[index]


def _classes(weights: FloatArray) -> IntArray:
    """Give cells of much the same weight the same number, lightest first."""
    classes = np.zeros(weights.size, dtype=np.intp)
    lightest, current = 0.0, -1
    for cell in np.argsort(weights, kind="stable").tolist():
        if current < 0 or weights[cell] > ALIKE * lightest:
            lightest, current = float(weights[cell]), current + 1
        classes[cell] = current
    return classes


# Whether a judge is better than chance, from its verdicts on randomly drawn labelled items.
#
# The judge is better than chance when experts pass more of what it passes than of what it
# fails.

Standing: TypeAlias = Literal["better", "uncertain", "below"]

REFUSAL_RISK = 0.005  # of refusing a judge that is no worse than chance
NEARLY_ONE = 1.0 - 1e-12


def against_chance(
    passed: tuple[float, float], failed: tuple[float, float], *, tail: float
) -> Standing:
    """Place the judge by melded limits of the difference of two rates.

    Parameters
    ----------
    passed, failed : (float, float)
        Experts' passes and labels among the items that the judge passed and failed.
    tail : float
        Risk of saying "better" wrongly.

    Returns
    -------
    {"better", "uncertain", "below"}
        ``"below"`` is one-sided Fisher's exact test at REFUSAL_RISK; ``"better"`` its mid-p form
        at ``tail``.
    """
    if _gap_reaches(passed, failed, form="upper", level=1.0 - REFUSAL_RISK) < 0.0:
        return "below"
    return "better" if _gap_reaches(passed, failed, form="mid", level=tail) > 0.0 else "uncertain"


def require_above_chance(
    passed: tuple[float, float], failed: tuple[float, float], *, tail: float
) -> tuple[str, ...]:
    """Refuse a judge below chance, and warn of one that is not shown to be better.

    Raises
    ------
    UnusableJudge
        If experts pass significantly more of what the judge fails than of what it passes.
    """
    standing = against_chance(passed, failed, tail=tail)
    if standing == "below":
        raise UnusableJudge(
            "the judge is below chance: experts pass "
            f"{passed[0] / passed[1]:.0%} of the items that it passes and "
            f"{failed[0] / failed[1]:.0%} of those that it fails."
        )
    if standing == "uncertain":
        return ("The labels do not yet show that the judge is better than chance on these items.",)
    return ()


def require_not_reversed(
    judge: FloatArray, human: FloatArray, *, tail: float, of: str = ""
) -> tuple[str, ...]:
    """Refuse a judge whose scores run against the experts', on any scale.

    Parameters
    ----------
    judge, human : float array, shape (N,)
        NaN where missing.
    tail : float
        Risk of keeping silent about a judge whose scores are unrelated to the experts'.
    of : str
        Whose answers these are, for the message, such as " of A".

    Returns
    -------
    tuple of str
        A warning unless the correlation is significantly above 0.

    Raises
    ------
    UnusableJudge
        If the correlation of judge and experts is significantly below 0.

    References
    ----------
    Fisher (1921), Metron 1, 3-32, the logarithmic transformation of a correlation.
    """
    both = ~np.isnan(judge) & ~np.isnan(human)
    x, y = judge[both], human[both]
    unclear = f"The labels do not yet show that the judge's scores{of} go with the experts'."
    if x.size < 4 or float(np.ptp(x)) == 0.0 or float(np.ptp(y)) == 0.0:
        return (unclear,)
    r = float(np.corrcoef(x, y)[0, 1])
    lead = np.arctanh(np.clip(r, -NEARLY_ONE, NEARLY_ONE)) * np.sqrt(x.size - 3.0)
    if lead < special.ndtri(REFUSAL_RISK):
        raise UnusableJudge(
            f"the judge is below chance: its scores{of} run against the experts', "
            f"correlation {r:.2f}."
        )
    return () if lead > -special.ndtri(tail) else (unclear,)


def _gap_reaches(
    passed: tuple[float, float], failed: tuple[float, float], *, form: Form, level: float
) -> float:
    """Quantile of (rate among passed) - (rate among failed); 1 - rate is the rate of fails."""
    fails = rate_distribution(failed[1] - failed[0], failed[1], form)
    total = summed([rate_distribution(*passed, form), fails])
    return total.quantile(level) - 1.0
