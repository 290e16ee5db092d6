"""Chance that hangs on what is asked alone, so that order, time and concurrency cannot move it.

It also chooses the wording, Chinese and English, from the file of phrases beside this one.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from hashlib import blake2b, sha256
from importlib.resources import files

from judge.records import Language
from judge.simulated.forms import as_list, as_object, as_text

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


def phrase(language: Language, kind: str, draw: Draw) -> str:
    """Choose one wording of a kind, with its placeholders still in it."""
    return pick(_wordings(language, kind), draw(f"phrase {kind}"))


def pick(options: Sequence[str], share: float) -> str:
    """Give the option that stands at a share in [0, 1) of the way through."""
    return options[int(share * len(options))]


def mentions(text: str, section: str, kind: str) -> bool:
    """Tell whether a text contains one of the wordings of a kind, in any case."""
    lowered = text.lower()
    return any(wording in lowered for wording in _wordings(section, kind))


@cache
def _wordings(section: str, kind: str) -> tuple[str, ...]:
    return tuple(as_text(wording) for wording in as_list(_phrases()[section].get(kind)))


@cache
def _phrases() -> Mapping[str, Mapping[str, object]]:
    text = files("judge.simulated").joinpath("phrases.json").read_text(encoding="utf-8")
    return {name: as_object(section) for name, section in json.loads(text).items()}
