"""Which prompts of a run are drawn, each for all systems that answered it.

Every prompt has a random number of its own, made of the seed and its id. A random draw takes those
with the smallest numbers, a later one the next smallest: together they are one random draw, and two
runs of the same prompts draw the same ones, so that two releases are labelled on the same prompts.

References
----------
Ohlsson (1995), Coordination of samples using permanent random numbers, in: Business Survey Methods.
Madow (1949), Ann. Math. Stat. 20(3), 333-354, systematic sampling: what cannot be shared out evenly
over groups is drawn so that every prompt keeps the same chance; a share of the turns of a drawn
conversation, too.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor

import numpy as np

from calibration.labelled_sample import MOST_LEVELS
from calibration.sampling import draw
from calibration.validation import FloatArray
from judge.errors import ConfigError
from judge.manifest import SampleDesign, SampledUnit
from judge.records import Generation

Unit = tuple[str, str, int]
Prompt = tuple[str, int]

_PASS_SPREAD, _OPEN_SPREAD = 0.17, 0.5
_BINS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The prompts of a run, and what is known of each before anything is labelled.

    Attributes
    ----------
    units : mapping of prompt to tuple of unit
        Its responses, one of each system.
    groups : mapping of prompt to str
        The stratum that ``--by`` names; empty text where none is named.
    levels : mapping of prompt to tuple of float
        The judge's levels of its responses, NaN where there is none; empty for a random draw.
    taken : frozenset of prompt
        Drawn or labelled before; never drawn again.
    """

    units: Mapping[Prompt, tuple[Unit, ...]]
    groups: Mapping[Prompt, str]
    levels: Mapping[Prompt, tuple[float, ...]]
    taken: frozenset[Prompt]

    @property
    def free(self) -> list[Prompt]:
        """Prompts that can be drawn."""
        return [prompt for prompt in self.units if prompt not in self.taken]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Responses that were drawn, with the chance of each, and the cell of every prompt."""

    units: tuple[Unit, ...]
    chances: tuple[float, ...]
    cells: Mapping[Prompt, int]


def frame_of(
    units: Sequence[Unit],
    *,
    groups: Sequence[str],
    levels: Sequence[float],
    taken: frozenset[Prompt],
) -> Frame:
    """Gather the responses of a run by prompt.

    Parameters
    ----------
    units : sequence of (id, system, sample)
        In the order of the run.
    groups : sequence of str
        Stratum of each.
    levels : sequence of float
        The judge's level of each.
    taken : frozenset of (id, sample)
    """
    by_prompt = defaultdict[Prompt, list[int]](list)
    for place, (name, _, sample) in enumerate(units):
        by_prompt[name, sample].append(place)
    return Frame(
        units={prompt: tuple(units[at] for at in places) for prompt, places in by_prompt.items()},
        groups={prompt: groups[places[0]] for prompt, places in by_prompt.items()},
        levels={prompt: tuple(levels[at] for at in places) for prompt, places in by_prompt.items()},
        taken=taken,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """The items of a run, each alone or the turns of one conversation together.

    Attributes
    ----------
    generations : tuple of Generation
        In the order of the run.
    members : mapping of unit to list of int
        What is drawn as one, and the places of its items.
    groups : sequence of str
        Stratum of each item.
    levels : sequence of float
        The judge's level of each item, NaN where there is none.
    taken : frozenset of (id, sample)
        Items drawn or labelled before.
    lower_is_worse : bool
        Which level of a conversation's turns is that of the conversation: the worst.
    """

    generations: tuple[Generation, ...]
    members: Mapping[Unit, list[int]]
    groups: Sequence[str]
    levels: Sequence[float]
    taken: frozenset[Prompt]
    lower_is_worse: bool = True

    def frame(self) -> Frame:
        """Gather what is drawn by prompt; a conversation of which a turn is taken is taken."""
        taken = {
            (unit[0], unit[2])
            for unit, places in self.members.items()
            if any((self.generations[at].id, unit[2]) in self.taken for at in places)
        }
        return frame_of(
            list(self.members),
            groups=[self.groups[places[0]] for places in self.members.values()],
            levels=[self._worst(places) for places in self.members.values()],
            taken=frozenset(taken),
        )

    def _worst(self, places: Sequence[int]) -> float:
        given = [self.levels[at] for at in places if not np.isnan(self.levels[at])]
        if not given:
            return np.nan
        return min(given) if self.lower_is_worse else max(given)

    def cells(self, found: Chosen) -> tuple[int, ...]:
        """Give the cell of each item of the run."""
        cell = {
            at: found.cells[unit[0], unit[2]]
            for unit, places in self.members.items()
            for at in places
        }
        return tuple(cell[at] for at in range(len(self.generations)))

    def expanded(
        self, found: Chosen, *, seed: int, turn_share: float
    ) -> tuple[list[Generation], list[float]]:
        """Give the items of what was drawn, with the chance of each.

        What was drawn is shuffled, so that neither the order of the file nor that of systems
        shows; turns of one conversation stay together and in order.
        """
        order: list[int] = np.random.default_rng(seed).permutation(len(found.units)).tolist()
        chosen: list[Generation] = []
        chances: list[float] = []
        for place in order:
            unit, chance = found.units[place], found.chances[place]
            kept = spread_evenly(self.members[unit], turn_share, begin=number(seed, ("turn", unit)))
            chosen += [self.generations[at] for at in kept]
            chances += [chance * turn_share] * len(kept)
        return chosen, chances


def members_of(generations: Sequence[Generation], *, unit: SampledUnit) -> dict[Unit, list[int]]:
    """Give what is drawn as one, and the places of its items: itself, or a conversation's turns."""
    found = defaultdict[Unit, list[int]](list)
    for place, each in enumerate(generations):
        name = each.cluster if unit == "session" else each.id
        found[name, each.system, each.sample].append(place)
    return dict(found)


def spread_evenly(places: Sequence[int], share: float, *, begin: float) -> list[int]:
    """Keep a share of places at equal distances, each with this chance.

    Parameters
    ----------
    places : sequence of int
    share : float
        In (0, 1]; 1 keeps all.
    begin : float
        A random number in [0, 1).

    Examples
    --------
    >>> spread_evenly([10, 11, 12, 13, 14], 0.4, begin=0.5)
    [11, 13]
    """
    counts = [floor(share * at + begin + 1e-9) for at in range(len(places) + 1)]
    return [place for place, (a, b) in zip(places, pairwise(counts), strict=True) if b > a]


def choose(frame: Frame, n: int, *, design: SampleDesign, seed: int) -> Chosen:
    """Draw n responses, prompt by prompt.

    Parameters
    ----------
    frame : Frame
    n : int
        Responses; where the last prompt has more than are left, some of its systems are left out.
    design : {'random', 'by-verdict', 'neyman'}
    seed : int

    Raises
    ------
    ConfigError
        If there are not so many responses that were not drawn before.
    """
    free = frame.free
    room = sum(len(frame.units[prompt]) for prompt in free)
    if not 1 <= n <= room:
        there = f"{room} responses can be drawn"
        if frame.taken:
            there = f"{room} responses can be drawn, {len(frame.taken)} prompts were drawn before"
        raise ConfigError(f"{there}; --n {n} asks for more.")
    if design == "random":
        prompts = _shared_out(frame, n, seed=seed)
        share = n / room
        chances = dict.fromkeys(prompts, share)
        cells = dict.fromkeys(frame.units, 0)
    else:
        prompts, chances, cells = _by_level(frame, n, design=design, seed=seed)
    units = [unit for prompt in prompts for unit in _in_order(frame.units[prompt], seed)][:n]
    return Chosen(
        units=tuple(units),
        chances=tuple(chances[unit[0], unit[2]] for unit in units),
        cells=cells,
    )


def named(frame: Frame, ids: Sequence[str]) -> Chosen:
    """Take all responses to the prompts of given ids; they are a cell of their own.

    Raises
    ------
    ConfigError
        If an id is not of the run.
    """
    known = {prompt[0] for prompt in frame.units}
    strangers = [name for name in ids if name not in known]
    if strangers:
        raise ConfigError(
            f"--ids: {strangers[0]!r} is no id of the run; give the ids of its responses, with "
            "commas between."
        )
    wanted = [prompt for prompt in frame.free if prompt[0] in ids]
    if not wanted:
        raise ConfigError("--ids: all of them were drawn or labelled before.")
    units = [unit for prompt in wanted for unit in frame.units[prompt]]
    return Chosen(
        units=tuple(units),
        chances=(1.0,) * len(units),
        cells={prompt: int(prompt[0] in ids) for prompt in frame.units},
    )


def number(seed: int, name: object) -> float:
    """Give a name its random number in [0, 1)."""
    digest = hashlib.sha256(f"{seed}\0{name!r}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / float(1 << 56)


def _in_order(units: Sequence[Unit], seed: int) -> list[Unit]:
    return sorted(units, key=lambda unit: number(seed, unit))


def _shared_out(frame: Frame, n: int, *, seed: int) -> list[Prompt]:
    """Take the smallest numbers of each group, in proportion to its size."""
    by_group = defaultdict[str, list[Prompt]](list)
    for prompt in frame.free:
        by_group[frame.groups[prompt]].append(prompt)
    free = sum(map(len, by_group.values()))
    responses = sum(len(frame.units[prompt]) for prompt in frame.free)
    wanted = min(ceil(n * free / responses), free)
    order = sorted(by_group, key=lambda group: number(seed, ("group", group)))
    begin, reached = number(seed, "begin"), 0.0
    chosen: list[Prompt] = []
    for group in order:
        prompts = sorted(by_group[group], key=lambda prompt: number(seed, prompt))
        target = reached + wanted * len(prompts) / free
        count = floor(target + begin + 1e-9) - floor(reached + begin + 1e-9)
        chosen += prompts[:count]
        reached = target
    spare = [prompt for prompt in frame.free if prompt not in set(chosen)]
    spare.sort(key=lambda prompt: number(seed, prompt))
    chosen.sort(key=lambda prompt: number(seed, prompt))
    while sum(len(frame.units[prompt]) for prompt in chosen) < n:
        chosen.append(spare.pop(0))
    return chosen


def _by_level(
    frame: Frame, n: int, *, design: SampleDesign, seed: int
) -> tuple[list[Prompt], dict[Prompt, float], dict[Prompt, int]]:
    """Draw within the cells of group and verdicts."""
    everyone = list(frame.units)
    patterns = _patterns([frame.levels[prompt] for prompt in everyone])
    pairs = [(frame.groups[p], code) for p, code in zip(everyone, patterns, strict=True)]
    codes = {pair: place for place, pair in enumerate(sorted(set(pairs)))}
    cells = {prompt: codes[pair] for prompt, pair in zip(everyone, pairs, strict=True)}
    free = frame.free
    code_of = dict(zip(everyone, patterns, strict=True))
    responses = sum(len(frame.units[prompt]) for prompt in free)
    drawn = draw(
        np.array([float(code_of[prompt]) for prompt in free]),
        min(ceil(n * len(free) / responses), len(free)),
        rng=np.random.default_rng(seed),
        design=design,
        strata=[frame.groups[prompt] for prompt in free],
        spread=_spreads([frame.levels[prompt] for prompt in free]),
    )
    places: list[int] = drawn.indices.tolist()
    chosen = [free[at] for at in places]
    chances = dict(zip(chosen, drawn.probabilities.tolist(), strict=True))
    return sorted(chosen, key=lambda prompt: number(seed, prompt)), chances, cells


def _patterns(levels: Sequence[tuple[float, ...]]) -> list[int]:
    """Give each kind of verdicts on a prompt a number; fifths of the mean where kinds are many."""
    keys = [tuple(-1e9 if np.isnan(level) else level for level in each) for each in levels]
    kinds = sorted(set(keys))
    if len(kinds) <= MOST_LEVELS:
        place = {kind: code for code, kind in enumerate(kinds)}
        return [place[key] for key in keys]
    means: FloatArray = np.array(
        [float(np.mean([v for v in key if v > -1e8] or [0])) for key in keys]
    )
    cuts = np.quantile(means, np.arange(1, _BINS) / _BINS)
    return np.searchsorted(cuts, means).astype(int).tolist()


def _spreads(levels: Sequence[tuple[float, ...]]) -> FloatArray:
    """Expect labels to vary little where a pass-or-fail judge passes, and more elsewhere."""
    given = {level for each in levels for level in each if not np.isnan(level)}
    if not given <= {0.0, 1.0}:
        return np.ones(len(levels))
    return np.array(
        [
            sum(_PASS_SPREAD if level == 1.0 else _OPEN_SPREAD for level in each) / len(each)
            for each in levels
        ]
    )
