"""How often the gate has looked at a candidate, and at what risk it may look now.

A look is a state of the data: the verdicts and labels of both sides. To ask again about the same
state gives the same answer and is no new look; another name for the run, another policy and another
order of its checks are none either. What counts for a check is how many labels it had at each look:
a look at which it could not have passed, with no label against it, spends nothing of its risk.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from calibration.pair_planning import hard_floor
from calibration.sequential import fewest_at_look, look_error, looks_that_count
from judge.gate.checks import CheckOutcome, Risks
from judge.policy import Check, Measure, Policy
from judge.ratings import Side
from judge.records import Record
from judge.store.digests import LOOK, digest_of, items_digest, side_digest
from judge.store.store import Store

NO_RISK = 1e-6
"""Risk at which is tested when none is left: nothing passes at it that is not beyond doubt."""


class Look(Record):
    """One look at a candidate."""

    candidate: str
    """Digest of its responses."""
    state: str
    """Digest of the verdicts and labels of both sides."""
    policy: str
    """Title and version of the policy that was asked first."""
    labels: Mapping[str, int]
    """By criterion and group: labels that counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """The looks before this one.

    Attributes
    ----------
    earlier : tuple of mapping of str to int
        Labels at each earlier look, by criterion and group, oldest first.
    """

    earlier: tuple[Mapping[str, int], ...] = ()

    @property
    def number(self) -> int:
        """Number of the present look, from 1."""
        return len(self.earlier) + 1

    def risks(self, key: str, labels: int, *, check: Check, policy: Policy) -> Risks:
        """Give the risks at which a check may test now.

        Parameters
        ----------
        key : str
            Criterion and group, as `row_key` writes them.
        labels : int
            Labels that the check has now.
        check : Check
        policy : Policy
        """
        history = [look.get(key, 0) for look in self.earlier]
        fewest = partial(_fewest, check)
        looks, error = policy.looks, policy.error
        counted = looks_that_count(history, fewest=fewest, looks=looks, error=error)
        least = fewest_at_look(counted, fewest=fewest, looks=looks, error=error)
        return Risks(
            passing=_risk([*counted, max(labels, least)], policy),
            failing=_risk([*(n for n in history if n > 0), max(labels, 1)], policy),
            look=len(counted) + 1,
            looks=looks,
            fewest=least,
        )

    def next_risk(self, key: str, labels: int, *, check: Check, policy: Policy) -> float:
        """Give the risk of the look after the present one, supposed that half as many labels come.

        Parameters
        ----------
        key : str
        labels : int
            Labels that the check has now.
        check : Check
        policy : Policy

        Returns
        -------
        float
            0 where all looks will be used.
        """
        fewest = partial(_fewest, check)
        looks, error = policy.looks, policy.error
        history = [*(look.get(key, 0) for look in self.earlier), labels]
        counted = looks_that_count(history, fewest=fewest, looks=looks, error=error)
        least = fewest_at_look(counted, fewest=fewest, looks=looks, error=error)
        return look_error([*counted, max(1.5 * labels, least)], looks=looks, error=error)


def _fewest(check: Check, risk: float) -> int:
    return fewest_labels(check, error=risk)


def _risk(labels: Sequence[int], policy: Policy) -> float:
    return max(look_error(labels, looks=policy.looks, error=policy.error), NO_RISK)


def fewest_labels(check: Check, *, error: float) -> int:
    """Fewest labelled prompts with which a check can pass at all, if no label speaks against it.

    Parameters
    ----------
    check : Check
    error : float
        Risk of the limits.
    """
    measure = check.measured
    width = 1.0 if measure.kind == "gap" else measure.high - measure.low
    least = 1
    if check.margin:
        least = hard_floor(check.margin, error=error, width=width)
    if check.floor is None or measure.kind == "gap":
        return least
    room = abs(_best(measure) - check.floor) / width
    if 0.0 < room < 1.0:
        least = max(least, hard_floor(room, error=error))
    return least


def _best(measure: Measure) -> float:
    return measure.high if measure.higher_is_better else measure.low


def row_key(check: Check, group: str | None) -> str:
    """Name what labels of a check are counted by."""
    measure = check.measured
    return "\0".join((measure.kind, measure.rubric, measure.criterion, group or ""))


def earlier_looks(store: Store, baseline: Side, candidate: Side) -> tuple[Looks, str, str]:
    """Find the looks at a candidate in a store, up to the present state of the data.

    Returns
    -------
    (Looks, str, str)
        The looks before this state, the candidate's digest, and that of the state.
    """
    who = items_digest(candidate.store, candidate.run, system=candidate.system)
    state = digest_of(
        side_digest(side.store, side.run, system=side.system) for side in (baseline, candidate)
    )
    states: dict[str, Mapping[str, int]] = {}
    for look in _looks(store):
        if look.candidate == who:
            states.setdefault(look.state, look.labels)
    names = list(states)
    before = names[: names.index(state)] if state in states else names
    return Looks(earlier=tuple(states[name] for name in before)), who, state


def _looks(store: Store) -> list[Look]:
    found = [
        (at, Look.model_validate_json(body))
        for run in store.runs()
        for at, body in store.dated_documents(run, LOOK)
    ]
    return [look for _, look in sorted(found, key=lambda each: each[0])]


def keep_look(
    store: Store,
    candidate: Side,
    outcomes: Sequence[CheckOutcome],
    *,
    policy: Policy,
    of: tuple[str, str],
) -> None:
    """Write down that the candidate was looked at, unless this state was looked at before.

    Parameters
    ----------
    store : Store
        Of the candidate.
    candidate : Side
    outcomes : sequence of CheckOutcome
        With the labels that each check had.
    policy : Policy
    of : (str, str)
        Digests of the candidate and of the state, from `earlier_looks`.
    """
    if any((look.candidate, look.state) == of for look in _looks(store)):
        return
    checks = {check.name: check for check in policy.checks}
    labels = {
        row_key(checks[each.name], each.group): each.n_labelled
        for each in outcomes
        if each.name in checks
    }
    look = Look(
        candidate=of[0],
        state=of[1],
        policy=f"{policy.title} {policy.version}",
        labels=labels,
    )
    store.add_document(candidate.run, LOOK, look.model_dump_json())
