"""Splits without overlap: prompts that are nearly the same always land on the same side."""

import random
from collections.abc import Mapping, Sequence
from typing import Literal

from judge.errors import ConfigError
from judge.web.duplicates import ALIKE, likeness

Split = Literal["train", "dev", "test"]


def split_prompts(
    prompts: Sequence[str], *, shares: Mapping[Split, float], seed: int
) -> dict[str, Split]:
    """Put each prompt into a split, near-duplicates together.

    Parameters
    ----------
    prompts : sequence of str
    shares : mapping of str to float
        Wanted fraction of prompts for each split; they sum to 1. A family of near-duplicates is
        never parted, so the shares are met as nearly as the families allow.
    seed : int
        Same seed, same splits.

    Raises
    ------
    ConfigError
        If the shares do not sum to 1.
    """
    if abs(sum(shares.values()) - 1) > 1e-9 or min(shares.values()) < 0:
        raise ConfigError(f"the shares sum to {sum(shares.values()):g}; make them sum to 1.")
    families = _families(sorted(set(prompts)))
    random.Random(seed).shuffle(families)
    total = sum(len(family) for family in families)
    filled: dict[Split, int] = dict.fromkeys(shares, 0)
    placed: dict[str, Split] = {}
    for family in families:
        split = max(filled, key=lambda name: shares[name] * total - filled[name])
        filled[split] += len(family)
        placed.update(dict.fromkeys(family, split))
    return placed


def _families(prompts: Sequence[str]) -> list[tuple[str, ...]]:
    """Join prompts that are alike, directly or through others."""
    leader = {prompt: prompt for prompt in prompts}

    def head(prompt: str) -> str:
        while leader[prompt] != prompt:
            prompt = leader[prompt]
        return prompt

    for place, one in enumerate(prompts):
        for other in prompts[place + 1 :]:
            if likeness(one, other) >= ALIKE:
                leader[head(other)] = head(one)
    grouped: dict[str, list[str]] = {}
    for prompt in prompts:
        grouped.setdefault(head(prompt), []).append(prompt)
    return [tuple(family) for family in grouped.values()]
