"""Two sides on the prompts or items that they share, and what cannot be compared."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from calibration.estimate import Estimate, InsufficientLabels, UnusableJudge
from calibration.paired_difference import estimate_difference
from calibration.validation import BoolArray, Design, FloatArray, IntArray
from judge.columns import Prompt, Prompts, Texts, codes, marks, row_list
from judge.errors import ConfigError
from judge.files.read import read_rows
from judge.files.row import Row, optional_text, text
from judge.manifest import Manifest
from judge.policy import Measure
from judge.ratings import rated
from judge.records import Provenance, Record, worst
from judge.sides import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Both sides on the prompts that they share; arrays of shape (n,), NaN where missing."""

    prompts: Sequence[Prompt]
    groups: Sequence[str | None]
    judge_baseline: FloatArray
    human_baseline: FloatArray
    judge_candidate: FloatArray
    human_candidate: FloatArray
    raw_baseline: FloatArray
    raw_candidate: FloatArray
    flagged_baseline: BoolArray
    flagged_candidate: BoolArray
    awaited_baseline: BoolArray
    """Whether experts were asked and there is no label yet; see `judge.ratings.Rated`."""
    awaited_candidate: BoolArray
    clusters: IntArray | None
    """Number of what copies or samples of one prompt share; None where all stand alone."""
    strata: IntArray | None = None
    """Cells inside which labels were drawn at random, where draws on record say so."""
    provenance: Provenance
    unmatched: int
    """Prompts that only one side has; they are left out and counted."""

    def subset(self, group: str | None) -> "Paired":
        """Keep the prompts of one group."""
        mine = (number for number, each in enumerate(self.groups) if each == group)
        kept = np.fromiter(mine, dtype=np.intp)
        return replace(
            self,
            prompts=_taken(self.prompts, kept),
            groups=(group,) * len(kept),
            judge_baseline=self.judge_baseline[kept],
            human_baseline=self.human_baseline[kept],
            judge_candidate=self.judge_candidate[kept],
            human_candidate=self.human_candidate[kept],
            raw_baseline=self.raw_baseline[kept],
            raw_candidate=self.raw_candidate[kept],
            flagged_baseline=self.flagged_baseline[kept],
            flagged_candidate=self.flagged_candidate[kept],
            awaited_baseline=self.awaited_baseline[kept],
            awaited_candidate=self.awaited_candidate[kept],
            clusters=None if self.clusters is None else self.clusters[kept],
            strata=None if self.strata is None else self.strata[kept],
            unmatched=0,
        )


def pair(
    baseline: Side,
    candidate: Side,
    measure: Measure,
    *,
    shared_only: bool = False,
    clusters: str | None = None,
    bound_only: bool = False,
) -> Paired:
    """Match two sides by prompt and sample.

    Parameters
    ----------
    baseline, candidate : Side
    measure : Measure
    shared_only : bool
        Leave out and count prompts that one side lacks; else they are refused.
    clusters : str, optional
        Field of the responses that near copies of one prompt share.
    bound_only : bool
        Leave out labels that do not carry the digest of the text that was labelled.

    Raises
    ------
    ConfigError
        If the sides were judged differently, or on other prompts.
    """
    require_comparable(baseline, candidate)
    first = rated(baseline, measure, clusters=clusters, bound_only=bound_only)
    second = rated(candidate, measure, clusters=clusters, bound_only=bound_only)
    names = baseline.name, candidate.name
    prompts = first.prompts, second.prompts
    left, right = require_same_items(names, prompts, shared_only=shared_only)
    other = left[first.texts[left] != second.texts[right]]
    changed = [first.prompts[at][0] for at in row_list(other)]
    if changed:
        raise ConfigError(
            f"{names[0]} and {names[1]} were asked different texts under the same ids "
            f"({_some(changed)}); judge the same prompts of both."
        )
    return Paired(
        prompts=_taken(first.prompts, left),
        groups=[first.groups[at] for at in row_list(left)],
        judge_baseline=first.judge[left],
        human_baseline=first.human[left],
        judge_candidate=second.judge[right],
        human_candidate=second.human[right],
        raw_baseline=first.raw[left],
        raw_candidate=second.raw[right],
        flagged_baseline=first.flagged[left],
        flagged_candidate=second.flagged[right],
        awaited_baseline=first.awaited[left],
        awaited_candidate=second.awaited[right],
        clusters=cluster_codes(first.clusters[left]),
        strata=_strata(first.cells[left], second.cells[right]),
        provenance=worst({first.provenance, second.provenance}),
        unmatched=len(first.prompts) + len(second.prompts) - 2 * len(left),
    )


def _taken(prompts: Sequence[Prompt], rows: IntArray) -> Sequence[Prompt]:
    if isinstance(prompts, Prompts):
        return prompts.take(rows)
    return tuple(prompts[row] for row in row_list(rows))


def _strata(old: IntArray, new: IntArray) -> IntArray | None:
    """Join the cells of a prompt on both sides; None where there is only one cell."""
    joined = codes(old * (int(new.max(initial=0)) + 1) + new)
    return joined if joined.max(initial=0) > 0 else None


def require_two_releases(baseline: Side, candidate: Side) -> None:
    """Refuse a release that is held against itself, under whatever name.

    Where every response of both sides is one and the same text, nothing tells releases apart.

    Raises
    ------
    ConfigError
        If both sides are one system of one run, or have the same responses byte for byte.
    """
    if baseline.shares_run(candidate) and baseline.system == candidate.system:
        raise ConfigError(
            f"{baseline.name} is both baseline and candidate; name two runs or two systems."
        )
    old, new = baseline.responses, candidate.responses
    left, right = _matched(old.prompts, new.prompts)
    alone = len(old.prompts) + len(new.prompts) - 2 * len(left)
    same = not alone and bool((old.answered[left] == new.answered[right]).all())
    if same and bool((old.answered != old.answered[:1]).any()):
        raise ConfigError(
            f"all {len(left)} responses of {candidate.name} are those of {baseline.name}, byte for "
            "byte; name two releases."
        )


def require_same_items(
    names: tuple[str, str],
    items: tuple[Sequence[tuple[str, int]], Sequence[tuple[str, int]]],
    *,
    shared_only: bool = False,
) -> tuple[IntArray, IntArray]:
    """Match two sides by prompt, and refuse those that answered different ones.

    Returns
    -------
    (int array, int array)
        Rows of the shared prompts on both sides, in the order of the first.

    Raises
    ------
    ConfigError
        With how many prompts only one side has, and which.
    """
    left, right = _matched(*items)
    gone, added = (
        sorted(side[row] for row in row_list(np.flatnonzero(~marks(rows, len(side)))))
        for side, rows in zip(items, (left, right), strict=True)
    )
    if not left.size:
        raise ConfigError(
            f"{names[0]} and {names[1]} share no prompt; judge the same prompts of both."
        )
    if shared_only or not (gone or added):
        return left, right
    listed = [
        f"{len(lone)} only in {name} ({_some([prompt for prompt, _ in lone])})"
        for name, lone in zip(names, (gone, added), strict=True)
        if lone
    ]
    raise ConfigError(f"the prompts differ: {', '.join(listed)}; judge the same prompts of both.")


def _matched(old: Sequence[Prompt], new: Sequence[Prompt]) -> tuple[IntArray, IntArray]:
    """Find the rows of the prompts that both sides have, in the order of the first."""
    before, after = (
        (side if isinstance(side, Prompts) else Prompts.of(side)).digests() for side in (old, new)
    )
    order = np.argsort(after, kind="stable")
    at = np.searchsorted(after[order], before)
    at[at == len(order)] = 0
    right = order[at] if len(order) else at
    left = np.flatnonzero(after[right] == before) if len(order) else np.empty(0, dtype=np.intp)
    return left, right[left]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")


def cluster_codes(clusters: npt.NDArray[np.generic]) -> IntArray | None:
    """Give items that share something the same number; None where no two do."""
    numbers = codes(clusters)
    return None if numbers.max(initial=-1) + 1 == len(numbers) else numbers


def require_comparable(baseline: Side, candidate: Side) -> None:
    """Refuse sides whose scores mean different things.

    Raises
    ------
    ConfigError
        With what differs.
    """
    old, new = baseline.run.manifest, candidate.run.manifest
    shared = old.prompts.keys() & new.prompts.keys()
    changes = {
        "kind": old.kind != new.kind,
        "rubrics": _digests(old) != _digests(new),
        "judges": dict(old.judge_digests) != dict(new.judge_digests),
        "prompts": any(old.prompts[place] != new.prompts[place] for place in shared),
    }
    differing = [what for what, differs in changes.items() if differs]
    if differing:
        raise ConfigError(
            f"{baseline.name} and {candidate.name} were judged differently "
            f"({', '.join(differing)} differ); judge both in the same way."
        )


def _digests(manifest: Manifest) -> dict[tuple[str, str], str]:
    return {(each.rubric, each.language): each.digest for each in manifest.rubrics}


# Two sides on the same prompts: how much higher one is rated, and which items changed.
#
# Where expert labels exist the difference is corrected for the judge's errors, system by
# system; where they do not, the judge's own difference is given and marked so.

Basis = Literal["corrected", "judge only"]
CONFIDENCE = 0.95
_HALVINGS = 14


class Flip(Record):
    """An item on which the judge's level differs between the sides."""

    id: str
    sample: int
    group: str | None
    baseline: float
    candidate: float
    better: bool
    """Whether the candidate is the better one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How the candidate differs from the baseline under one measure, in one group or in all."""

    group: str | None
    """None for all groups together."""
    n: int
    baseline: float | None
    candidate: float | None
    """Means of the judge's verdicts; None where there are none."""
    estimate: Estimate | None
    """Candidate minus baseline; None where nothing can be said."""
    p: float | None
    """Of "no difference", two-sided; None without an estimate, at least 0.0001."""
    basis: Basis
    why: str
    """Why the difference is not corrected, or empty."""
    adjusted_p: float | None = None
    """For the number of groups; None for all groups together."""


def difference(
    paired: Paired, measure: Measure, *, group: str | None = None, design: Design = "random"
) -> Difference:
    """Estimate how the candidate differs, corrected where experts labelled both sides.

    Parameters
    ----------
    paired : Paired
        All prompts, or those of one group.
    measure : Measure
    group : str, optional
        The name to give the difference.
    design : {'random', 'by-verdict', 'curated'}
        How the labels were drawn.
    """
    at, basis, why = _estimator(paired, measure, design)
    return Difference(
        group=group,
        n=len(paired.prompts),
        baseline=mean_or_none(paired.judge_baseline),
        candidate=mean_or_none(paired.judge_candidate),
        estimate=at(CONFIDENCE) if at else None,
        p=_p_value(at) if at else None,
        basis=basis,
        why=why,
    )


Estimator = Callable[[float], Estimate]
"""From a confidence to the estimate with that interval."""


def _estimator(
    paired: Paired, measure: Measure, design: Design
) -> tuple[Estimator | None, Basis, str]:
    scale = (measure.low, measure.high)
    judged = paired.judge_candidate, paired.judge_baseline

    def corrected(confidence: float) -> Estimate:
        return estimate_difference(
            judged[0],
            paired.human_candidate,
            judged[1],
            paired.human_baseline,
            scale=scale,
            design=design,
            clusters=paired.clusters,
            confidence=confidence,
        )

    def alone(confidence: float) -> Estimate:
        # The judge's own verdicts stand in for labels: chance of drawing these prompts, no more.
        found = estimate_difference(
            judged[0],
            judged[0],
            judged[1],
            judged[1],
            scale=scale,
            clusters=paired.clusters,
            confidence=confidence,
        )
        return replace(found, method="judge only, not corrected", human_only=None)

    try:
        corrected(CONFIDENCE)
    except (InsufficientLabels, UnusableJudge) as error:
        why = str(error)
    else:
        return corrected, "corrected", ""
    try:
        alone(CONFIDENCE)
    except (InsufficientLabels, UnusableJudge, ValueError):
        return None, "judge only", why
    return alone, "judge only", why


def _p_value(at: Estimator) -> float:
    """Give the two-sided p-value of "no difference": the risk at which the interval leaves 0."""

    def leaves_zero(risk: float) -> bool:
        estimate = at(1.0 - risk)
        return estimate.low > 0.0 or estimate.high < 0.0

    low, high = 1e-4, 0.999
    if not leaves_zero(high):
        return 1.0
    if leaves_zero(low):
        return low
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if leaves_zero(middle) else (middle, high)
    return high


def flips(paired: Paired, measure: Measure) -> tuple[Flip, ...]:
    """List the items on which the judge's level changed, harmful ones first."""
    sign = 1.0 if measure.higher_is_better else -1.0
    changed = np.flatnonzero(
        ~np.isnan(paired.raw_baseline)
        & ~np.isnan(paired.raw_candidate)
        & (paired.judge_baseline != paired.judge_candidate)
    )
    listed = [
        Flip(
            id=paired.prompts[number][0],
            sample=paired.prompts[number][1],
            group=paired.groups[number],
            baseline=float(paired.raw_baseline[number]),
            candidate=float(paired.raw_candidate[number]),
            better=bool(
                sign * (paired.judge_candidate[number] - paired.judge_baseline[number]) > 0
            ),
        )
        for number in row_list(changed)
    ]
    return tuple(sorted(listed, key=lambda flip: (flip.better, flip.id, flip.sample)))


def by_group(paired: Paired, measure: Measure, *, design: Design = "random") -> list[Difference]:
    """Estimate the difference for all prompts, then for each group by name.

    The groups' p-values are adjusted for exploring: of the groups that are called different at
    0.05, about one in twenty is not (Benjamini & Hochberg 1995, J. R. Stat. Soc. B 57, 289-300).
    """
    from scipy.stats import false_discovery_control

    whole = difference(paired, measure, design=design)
    groups = sorted({group for group in paired.groups if group is not None})
    found = [
        difference(paired.subset(group), measure, group=group, design=design) for group in groups
    ]
    tested = [each.p for each in found if each.p is not None]
    adjusted = iter(false_discovery_control(tested) if tested else ())
    return [
        whole,
        *(
            each if each.p is None else replace(each, adjusted_p=float(next(adjusted)))
            for each in found
        ),
    ]


def mean_or_none(values: FloatArray) -> float | None:
    """Give the mean of what is there; None when nothing is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


# Multi-choice answers of two systems, item by item, as `cvalues mc --answers-out` writes them.

_WORDS = {"true": 1.0, "1": 1.0, "1.0": 1.0, "false": 0.0, "0": 0.0, "0.0": 0.0, "": np.nan}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One item as it was answered: 1 right, 0 wrong, NaN for no readable answer."""

    correct: float
    group: str | None
    question: str
    provenance: Provenance


def paired_answers(baseline: Path, candidate: Path, *, systems: tuple[str, str]) -> Paired:
    """Set two files of answers side by side.

    Parameters
    ----------
    baseline, candidate : Path
        Tables with ``id`` and ``correct`` (true, false or empty), and ``group``, ``question``,
        ``system`` and ``provenance`` where they are known.
    systems : (str, str)
        Names of the systems that a gate compares; a file that names another is refused.

    Raises
    ------
    TableError
        At the first row that cannot be read.
    ConfigError
        If the files hold other systems, other items, or other questions under the same ids.
    """
    old = _read(baseline, system=systems[0])
    new = _read(candidate, system=systems[1])
    ids = tuple(old)
    names = str(baseline), str(candidate)
    require_same_items(names, ([(each, 0) for each in old], [(each, 0) for each in new]))
    changed = [each for each in ids if old[each].question != new[each].question]
    if changed:
        raise ConfigError(
            f"{names[0]} and {names[1]} ask different questions under the same ids "
            f"({', '.join(changed[:3])}); ask the same items of both."
        )
    first = np.array([old[each].correct for each in ids])
    second = np.array([new[each].correct for each in ids])
    none = np.zeros(len(ids), dtype=np.bool_)
    return Paired(
        prompts=tuple((each, 0) for each in ids),
        groups=tuple(old[each].group for each in ids),
        judge_baseline=first,
        human_baseline=first,
        judge_candidate=second,
        human_candidate=second,
        raw_baseline=first,
        raw_candidate=second,
        flagged_baseline=none,
        flagged_candidate=none,
        awaited_baseline=none,
        awaited_candidate=none,
        clusters=cluster_codes(Texts.of(old[each].question for each in ids).digests()),
        provenance=worst({each.provenance for each in (*old.values(), *new.values())}),
        unmatched=0,
    )


def _read(path: Path, *, system: str) -> Mapping[str, Answered]:
    found: dict[str, Answered] = {}
    for row in read_rows(path, required=("id", "correct")):
        named = optional_text(row, "system")
        if named not in {None, system}:
            raise row.error(f"these are answers of {named!r}", f"give the answers of {system!r}")
        item = text(row, "id")
        if item in found:
            raise row.error(f"id {item!r} twice", "give one answer an item")
        found[item] = _answered(row, item)
    return found


def _answered(row: Row, item: str) -> Answered:
    word = str(row.values.get("correct") if row.values.get("correct") is not None else "")
    if word.strip().lower() not in _WORDS:
        raise row.error(f"'correct' is {word!r}", "write true or false, or leave it empty")
    stamp = optional_text(row, "provenance") or "RECORDED"
    known = {each: each for each in get_args(Provenance)}
    if stamp not in known:
        raise row.error(f"provenance {stamp!r}", f"use one of {', '.join(known)}")
    return Answered(
        correct=_WORDS[word.strip().lower()],
        group=optional_text(row, "group"),
        question=optional_text(row, "question") or item,
        provenance=known[stamp],
    )
