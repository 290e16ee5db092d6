"""Chance that hangs on what is asked alone, so that order, time and concurrency cannot move it."""

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b, sha256

Draw = Callable[[str], float]
"""From the name of a decision to a number in [0, 1), always the same for the same name."""


def draws(*identity: object) -> Draw:
    """Make the draws that belong to one identity.

    Parameters
    ----------
    identity : object
        What the draws hang on: the seed, the model, the digests of the texts. Compared as text.

    Returns
    -------
    Draw
        Uniform on [0, 1); different names give independent numbers.

    Examples
    --------
    >>> draws(0, "a")("safe") == draws(0, "a")("safe")
    True
    >>> draws(0, "a")("safe") == draws(1, "a")("safe")
    False
    """
    # The length before each part keeps ("ab", "c") and ("a", "bc") apart.
    text = "".join(f"{len(part)}:{part}" for part in map(str, identity))
    stem = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)

    def draw(name: str) -> float:
        leaf = stem.copy()
        leaf.update(name.encode("utf-8", "surrogatepass"))
        # 53 bits: a division of 64 could round up to 1.
        return (int.from_bytes(leaf.digest()) >> 11) / 2**53

    return draw


@lru_cache(maxsize=256)
def text_digest(text: str) -> str:
    """Give the SHA-256 of a text in hexadecimal, by which profiles name texts.

    Examples
    --------
    >>> text_digest("")[:8]
    'e3b0c442'
    """
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
