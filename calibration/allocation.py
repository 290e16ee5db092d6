"""How a number of labels is shared out over groups of items."""

import numpy as np

from calibration.validation import FloatArray, IntArray

LEAST = 5


def allocate(n: int, sizes: IntArray, spreads: FloatArray, *, least: int = LEAST) -> IntArray:
    """Share labels out: half in proportion to size, half to size times spread.

    Parameters
    ----------
    n : int
        Number of labels, at most the number of items.
    sizes : int array, shape (H,)
        Items in each group.
    spreads : float array, shape (H,)
        Expected standard deviation of the labels in each group, >= 0.
    least : int
        Labels that every group gets first, as far as it has items and there are labels.

    Returns
    -------
    int array, shape (H,)
        Adds up to n; none above its group's size.

    References
    ----------
    Neyman (1934), J. R. Stat. Soc. 97(4), 558-625, allocation in proportion to size times spread.

    Examples
    --------
    >>> allocate(100, np.array([900, 100]), np.array([0.1, 0.5])).tolist()
    [77, 23]
    """
    ceilings = np.minimum(sizes, least)
    floor = share_out(min(n, int(ceilings.sum())), np.ones(sizes.size), ceilings)
    weights = sizes / sizes.sum()
    spread = sizes * spreads
    if float(spread.sum()) > 0.0:
        weights = 0.5 * weights + 0.5 * spread / spread.sum()
    return share_out(n, weights, sizes, start=floor)


def share_out(
    n: int, weights: FloatArray, ceilings: IntArray, *, start: IntArray | None = None
) -> IntArray:
    """Share n out in proportion to weights, one by one, to whoever is furthest behind.

    Parameters
    ----------
    n : int
        Total, at most the sum of the ceilings.
    weights : float array, shape (H,)
        What the shares should be in proportion to, > 0.
    ceilings : int array, shape (H,)
        Largest share of each.
    start : int array, shape (H,), optional
        Shares given already; they count towards n.

    Returns
    -------
    int array, shape (H,)

    References
    ----------
    Sainte-Laguë (1910), the method of odd divisors.
    """
    shares = np.zeros_like(ceilings) if start is None else start.copy()
    for _ in range(n - int(shares.sum())):
        claim = np.where(shares < ceilings, weights / (shares + 0.5), -1.0)
        shares[int(claim.argmax())] += 1
    return shares
