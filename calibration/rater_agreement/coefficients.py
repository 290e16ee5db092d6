"""Every coefficient of agreement of judge and experts, as one record each.

Reports, the command line and pages go through `COEFFICIENTS` and know none of them by name. A new
one is a record beside its function, and one line here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np

from calibration.estimate import Estimate, Undefined
from calibration.rater_agreement.accuracy import judge_accuracy
from calibration.rater_agreement.alpha import LEVELS, Level, krippendorff_alpha
from calibration.rater_agreement.contingency import (
    MOST_CATEGORIES,
    RaterTable,
    read_off,
    tabulate,
)
from calibration.rater_agreement.interval_scale import (
    LimitsOfAgreement,
    bland_altman,
    icc_average,
    icc_single,
    kendall,
    kendall_of,
    spearman,
    spearman_of,
)
from calibration.rater_agreement.nominal import (
    ac2_of,
    kappa_of,
    percent_agreement,
    read_ac1,
    weighted_kappa_of,
)
from calibration.validation import FloatArray, Pairs


@dataclass(frozen=True, kw_only=True)
class RatedPairs:
    """The ratings that a coefficient is computed from.

    Attributes
    ----------
    pairs : Pairs
        Items with both a verdict and a label.
    levels : float array, shape (K,)
        The levels of the scale, or all values in use.
    level : {'nominal', 'ordinal', 'interval'}
    confidence : float
    seed : int
    """

    pairs: Pairs
    levels: FloatArray
    level: Level
    confidence: float
    seed: int = 0

    @cached_property
    def table(self) -> RaterTable:
        """The table of both raters."""
        return tabulate(self.pairs, categories=self.levels, seed=self.seed)

    @cached_property
    def both(self) -> FloatArray:
        """Experts and judge side by side, shape (n, 2)."""
        return np.column_stack([self.pairs.human, self.pairs.judge])

    @cached_property
    def limits(self) -> LimitsOfAgreement:
        """Bias and limits of agreement."""
        return bland_altman(self.pairs.judge, self.pairs.human, confidence=self.confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficient:
    """One coefficient: how it is called, what it needs, how it is computed, when to use it.

    Attributes
    ----------
    name : str
        Key in reports and in JSON.
    title, title_zh : str
        What tables and pages call it.
    level : {'nominal', 'ordinal', 'interval'}
        Lowest level of measurement that it needs; it is reported from that level on.
    compute : callable
        From the rated pairs to the estimate with its interval; raises `Undefined` or
        `InsufficientLabels` where there is none.
    use_when : str
        For which ratings and question a reader should choose it.
    two_classes : bool
        Whether it is of two classes alone.
    main_at : tuple of levels
        Levels at which it is spoken of first.
    """

    name: str
    title: str
    title_zh: str
    level: Level
    compute: Callable[[RatedPairs], Estimate]
    use_when: str
    two_classes: bool = False
    main_at: tuple[Level, ...] = field(default=())

    def fits(self, rated: RatedPairs) -> bool:
        """Tell whether it has a meaning for ratings of a level on a scale."""
        reached = LEVELS.index(self.level) <= LEVELS.index(rated.level)
        return reached and (rated.levels.size == 2 or not self.two_classes)


def _class_rate(rated: RatedPairs, name: str) -> Estimate:
    pairs = rated.pairs
    accuracy = judge_accuracy(
        pairs.judge, pairs.human, positive=float(rated.levels[1]), confidence=rated.confidence
    )
    found = accuracy.sensitivity if name == "sensitivity" else accuracy.specificity
    if found is None:
        raise Undefined(f"{name}: the experts put no item into that class.")
    return found


def _ranked(
    rated: RatedPairs, tabled: Callable[..., Estimate], plain: Callable[..., Estimate]
) -> Estimate:
    """Compute a rank correlation off the table of a short scale, else off the scores."""
    if rated.levels.size <= MOST_CATEGORIES:
        return tabled(rated.table, confidence=rated.confidence)
    return plain(rated.pairs.judge, rated.pairs.human, confidence=rated.confidence)


PERCENT = Coefficient(
    name="percent",
    title="equal ratings",
    title_zh="一致率",
    level="nominal",
    compute=lambda rated: percent_agreement(
        rated.pairs.judge, rated.pairs.human, confidence=rated.confidence
    ),
    use_when="a number is wanted that anybody can read; it has no allowance for chance",
)
KAPPA = Coefficient(
    name="kappa",
    title="Cohen's kappa",
    title_zh="卡帕系数",
    level="nominal",
    compute=lambda rated: read_off(
        kappa_of, rated.table, method="Cohen's kappa", confidence=rated.confidence
    ),
    use_when="classes have no order and none of them is nearly all",
)
AC1 = Coefficient(
    name="ac1",
    title="AC1",
    title_zh="一致性系数 AC1",
    level="nominal",
    compute=lambda rated: read_ac1(rated.table, confidence=rated.confidence),
    use_when="one class is nearly all, such as safety verdicts",
    main_at=("nominal",),
)
ALPHA = Coefficient(
    name="alpha",
    title="Krippendorff's alpha",
    title_zh="Krippendorff 阿尔法系数",
    level="nominal",
    compute=lambda rated: krippendorff_alpha(
        rated.both, level=rated.level, confidence=rated.confidence, seed=rated.seed
    ),
    use_when="ratings are missing or raters are more than two",
)
SENSITIVITY = Coefficient(
    name="sensitivity",
    title="sensitivity",
    title_zh="灵敏度",
    level="nominal",
    compute=lambda rated: _class_rate(rated, "sensitivity"),
    use_when="the question is how many of the experts' positives the judge finds",
    two_classes=True,
)
SPECIFICITY = Coefficient(
    name="specificity",
    title="specificity",
    title_zh="特异度",
    level="nominal",
    compute=lambda rated: _class_rate(rated, "specificity"),
    use_when="the question is how many of the experts' negatives the judge finds",
    two_classes=True,
)
WEIGHTED_KAPPA = Coefficient(
    name="weighted_kappa",
    title="weighted kappa",
    title_zh="二次加权卡帕系数",
    level="ordinal",
    compute=lambda rated: weighted_kappa_of(
        rated.table, weights="quadratic", confidence=rated.confidence
    ),
    use_when="levels have an order and a near miss counts less than a far one",
    main_at=("ordinal",),
)
AC2 = Coefficient(
    name="ac2",
    title="AC2",
    title_zh="一致性系数 AC2",
    level="ordinal",
    compute=lambda rated: ac2_of(rated.table, weights="quadratic", confidence=rated.confidence),
    use_when="levels have an order and one of them is nearly all",
)
SPEARMAN = Coefficient(
    name="spearman",
    title="Spearman's rho",
    title_zh="斯皮尔曼等级相关系数",
    level="ordinal",
    compute=lambda rated: _ranked(rated, spearman_of, spearman),
    use_when="the order of items counts and the unit of the scores does not",
)
KENDALL = Coefficient(
    name="kendall",
    title="Kendall's tau-b",
    title_zh="肯德尔 τ-b 系数",
    level="ordinal",
    compute=lambda rated: _ranked(rated, kendall_of, kendall),
    use_when="the order of items counts and many of them tie",
)
ICC_SINGLE = Coefficient(
    name="icc_single",
    title="ICC(2,1)",
    title_zh="组内相关系数 ICC(2,1)",
    level="interval",
    compute=lambda rated: icc_single(rated.both, confidence=rated.confidence),
    use_when="scores are on an interval scale and their level counts, not their order alone",
    main_at=("interval",),
)
ICC_AVERAGE = Coefficient(
    name="icc_average",
    title="ICC(2,k)",
    title_zh="组内相关系数 ICC(2,k)",
    level="interval",
    compute=lambda rated: icc_average(rated.both, confidence=rated.confidence),
    use_when="the mean of the raters is used, not the score of one",
)
BIAS = Coefficient(
    name="bias",
    title="mean difference",
    title_zh="平均差值",
    level="interval",
    compute=lambda rated: rated.limits.bias,
    use_when="the question is whether the judge is lenient or severe on average",
)
LOWER_LIMIT = Coefficient(
    name="lower_limit",
    title="lower limit of agreement",
    title_zh="一致性下限",
    level="interval",
    compute=lambda rated: rated.limits.lower,
    use_when="the question is how far below the experts a single score may lie",
)
UPPER_LIMIT = Coefficient(
    name="upper_limit",
    title="upper limit of agreement",
    title_zh="一致性上限",
    level="interval",
    compute=lambda rated: rated.limits.upper,
    use_when="the question is how far above the experts a single score may lie",
)

COEFFICIENTS: Final[tuple[Coefficient, ...]] = (
    PERCENT,
    KAPPA,
    AC1,
    ALPHA,
    SENSITIVITY,
    SPECIFICITY,
    WEIGHTED_KAPPA,
    AC2,
    SPEARMAN,
    KENDALL,
    ICC_SINGLE,
    ICC_AVERAGE,
    BIAS,
    LOWER_LIMIT,
    UPPER_LIMIT,
)


def main_at(level: Level) -> Coefficient:
    """Give the coefficient that is spoken of first at a level of measurement."""
    return next(each for each in COEFFICIENTS if level in each.main_at)


def coefficient(name: str) -> Coefficient:
    """Find a coefficient by its name; KeyError where there is none."""
    return {each.name: each for each in COEFFICIENTS}[name]
