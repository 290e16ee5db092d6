"""How many labels a gate on two systems needs, from labels of a run or from a guess."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.estimate import InsufficientLabels, UnusableJudge
from calibration.pair_planning import (
    PairPilot,
    hard_floor,
    pairs_from_accuracy,
    pairs_from_labels,
    plan_pairs,
)
from calibration.planning import pilot_from_labels
from calibration.sequential import look_error
from judge.calibrate.calibration_set import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginWish:
    """What a gate on two systems is to achieve.

    Attributes
    ----------
    margin : float
        How much worse the candidate may be, in the unit of the measure.
    power : float
        Wanted probability that an equally good candidate passes.
    error : float
        Risk of the policy, over all looks.
    looks : int
        Looks that the policy plans; the plan is for the first.
    shared : float
        Share of prompts on which both systems answer alike, where no labels of both say so.
    """

    margin: float
    power: float = 0.8
    error: float = 0.05
    looks: int = 5
    shared: float = 0.0

    @property
    def risk(self) -> float:
        """Risk of the first look."""
        return look_error([1.0], looks=self.looks, error=self.error)


def margin_row(name: str, pilot: PairPilot, wish: MarginWish, *, prompts: int) -> dict[str, object]:
    """Plan for one criterion; where no number of labels is enough, say why and name the least."""
    width = pilot.scale[1] - pilot.scale[0]
    row: dict[str, object] = {
        "what": name,
        "hard_floor": hard_floor(wish.margin, error=wish.risk, width=width),
        "risk": wish.risk,
        "differing": pilot.discordant,
    }
    try:
        found = plan_pairs(
            pilot, margin=wish.margin, power=wish.power, error=wish.risk, n_judged=prompts
        )
    except (InsufficientLabels, UnusableJudge) as refused:
        return {**row, "prompts": None, "labels": None, "power": None, "why": str(refused)}
    return {
        **row,
        "prompts": found.prompts,
        "labels": found.labels,
        "labels_per_system": found.prompts,
        "power": found.power,
        "why": None,
    }


def margin_pilots(parts: Sequence[Part], wish: MarginWish) -> Iterator[tuple[str, PairPilot, int]]:
    """Make pilots of the parts: of every two systems labelled on the same prompts, else of one.

    Yields
    ------
    (str, PairPilot, int)
        Name, pilot, and prompts of both systems.
    """
    together = defaultdict[tuple[str, str], list[Part]](list)
    for part in parts:
        together[part.judge, part.name].append(part)
    for (_, name), mine in together.items():
        pairs = [(first, second) for at, first in enumerate(mine) for second in mine[at + 1 :]]
        for first, second in pairs:
            yield f"{name} {first.system}, {second.system}", *_of_two(first, second)
        if not pairs and mine[0].counting.kind == "rate":
            yield f"{name} {mine[0].system}, twice", *_of_one(mine[0], wish)


def _of_two(first: Part, second: Part) -> tuple[PairPilot, int]:
    places = {(unit[0], unit[2]): number for number, unit in enumerate(second.units)}
    left = [at for at, unit in enumerate(first.units) if (unit[0], unit[2]) in places]
    right = [places[first.units[at][0], first.units[at][2]] for at in left]
    pilot = pairs_from_labels(
        first.judged[left],
        first.human[left],
        second.judged[right],
        second.human[right],
        scale=first.counting.ends,
    )
    return pilot, len(left)


def _of_one(part: Part, wish: MarginWish) -> tuple[PairPilot, int]:
    """Take the candidate to be as good as the one system that is labelled."""
    known = pilot_from_labels(part.judged, part.human)
    passed = known.judge_rate * known.pass_given_pass
    failed = (1.0 - known.judge_rate) * (1.0 - known.pass_given_fail)
    rate = float(np.clip(known.rate, 0.001, 0.999))
    pilot = pairs_from_accuracy(
        rate,
        sensitivity=float(np.clip(passed / rate, 0.001, 0.999)),
        specificity=float(np.clip(failed / (1.0 - rate), 0.001, 0.999)),
        shared=wish.shared,
    )
    return pilot, len(part.units)
