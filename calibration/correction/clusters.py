"""Items that share a prompt: how much fewer items they are worth.

The design effect 1 + (m - 1) ICC divides the counts. The intraclass correlation (ICC) of expert
ratings is poorly known from few labels, so that of the judge on all items is used, divided by the
squared correlation between judge and experts, because the judge's noise hides some of it.

References
----------
Kish (1965), Survey Sampling, section 5.4, the design effect.
Donner and Koval (1980), Biometrics 36(1), 19-25, the analysis-of-variance ICC.
"""

from dataclasses import dataclass

import numpy as np

from calibration.estimate import InsufficientLabels
from calibration.validation import BoolArray, FloatArray, IntArray

FEW_PROMPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignEffects:
    """By how much clustering inflates variance.

    Attributes
    ----------
    items : float
        For means over all judged items, >= 1.
    labels : float
        For means over the labelled items, >= 1.
    warnings : tuple of str
        What a reader must know.
    """

    items: float = 1.0
    labels: float = 1.0
    warnings: tuple[str, ...] = ()


def design_effects(
    judge: FloatArray, human: FloatArray, clusters: IntArray | None, *, used: BoolArray
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
    true = 1.0 if prompts < FEW_PROMPTS else _without_noise(seen, judge, human)
    # Labels and verdicts of a labelled prompt err together: twice their covariance is added.
    together = 2.0 * seen * prompts / int(np.unique(clusters).size)
    return DesignEffects(
        items=1.0 + (_crowding(clusters) - 1.0) * seen,
        labels=1.0 + (per_prompt - 1.0) * true + together,
        warnings=_cluster_warnings(prompts, per_prompt),
    )


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


def _cluster_warnings(prompts: int, per_prompt: float) -> tuple[str, ...]:
    if per_prompt <= 1.0:
        return ()
    advice = "One label for each prompt would give a much shorter interval for the same work."
    if prompts < FEW_PROMPTS:
        few = (
            f"Only {prompts} prompts have labels; with fewer than {FEW_PROMPTS} the answers to a "
            "prompt are counted as one."
        )
        return few, advice
    return (advice,)
