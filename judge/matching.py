"""Two sides on the prompts that they share, and what is refused because it cannot be compared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from calibration.validation import BoolArray, FloatArray, IntArray
from judge.config import Manifest
from judge.errors import ConfigError
from judge.policy import Measure
from judge.ratings import Side, rated
from judge.records import Provenance, worst


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Both sides on the prompts that they share; arrays of shape (n,), NaN where missing."""

    prompts: tuple[tuple[str, int], ...]
    groups: tuple[str | None, ...]
    judge_baseline: FloatArray
    human_baseline: FloatArray
    judge_candidate: FloatArray
    human_candidate: FloatArray
    raw_baseline: FloatArray
    raw_candidate: FloatArray
    flagged_baseline: BoolArray
    flagged_candidate: BoolArray
    clusters: IntArray | None
    """Number of what near copies or samples of one prompt share; None where all stand alone."""
    provenance: Provenance
    unmatched: int
    """Prompts that only one side has; they are left out and counted."""

    def subset(self, group: str | None) -> "Paired":
        """Keep the prompts of one group."""
        kept = [number for number, each in enumerate(self.groups) if each == group]
        return replace(
            self,
            prompts=tuple(self.prompts[number] for number in kept),
            groups=(group,) * len(kept),
            judge_baseline=self.judge_baseline[kept],
            human_baseline=self.human_baseline[kept],
            judge_candidate=self.judge_candidate[kept],
            human_candidate=self.human_candidate[kept],
            raw_baseline=self.raw_baseline[kept],
            raw_candidate=self.raw_candidate[kept],
            flagged_baseline=self.flagged_baseline[kept],
            flagged_candidate=self.flagged_candidate[kept],
            clusters=None if self.clusters is None else self.clusters[kept],
            unmatched=0,
        )


def pair(
    baseline: Side,
    candidate: Side,
    measure: Measure,
    *,
    shared_only: bool = False,
    clusters: str | None = None,
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

    Raises
    ------
    ConfigError
        If the sides were judged differently, or on other prompts.
    """
    require_comparable(baseline, candidate)
    first = rated(baseline, measure, clusters=clusters)
    second = rated(candidate, measure, clusters=clusters)
    places = {prompt: number for number, prompt in enumerate(second.prompts)}
    left = [number for number, prompt in enumerate(first.prompts) if prompt in places]
    names = baseline.name, candidate.name
    require_same_items(names, (first.prompts, second.prompts), shared_only=shared_only)
    right = [places[first.prompts[number]] for number in left]
    changed = [
        first.prompts[old][0]
        for old, new in zip(left, right, strict=True)
        if first.texts[old] != second.texts[new]
    ]
    if changed:
        raise ConfigError(
            f"{names[0]} and {names[1]} were asked different texts under the same ids "
            f"({_some(changed)}); judge the same prompts of both."
        )
    return Paired(
        prompts=tuple(first.prompts[number] for number in left),
        groups=tuple(first.groups[number] for number in left),
        judge_baseline=first.judge[left],
        human_baseline=first.human[left],
        judge_candidate=second.judge[right],
        human_candidate=second.human[right],
        raw_baseline=first.raw[left],
        raw_candidate=second.raw[right],
        flagged_baseline=first.flagged[left],
        flagged_candidate=second.flagged[right],
        clusters=cluster_codes([first.clusters[number] for number in left]),
        provenance=worst({first.provenance, second.provenance}),
        unmatched=len(first.prompts) + len(second.prompts) - 2 * len(left),
    )


def require_same_items(
    names: tuple[str, str],
    items: tuple[Sequence[tuple[str, int]], Sequence[tuple[str, int]]],
    *,
    shared_only: bool = False,
) -> None:
    """Refuse two sides that answered different prompts.

    Raises
    ------
    ConfigError
        With how many prompts only one side has, and which.
    """
    old, new = map(set, items)
    gone, added = sorted(old - new), sorted(new - old)
    if not old & new:
        raise ConfigError(
            f"{names[0]} and {names[1]} share no prompt; judge the same prompts of both."
        )
    if shared_only or not (gone or added):
        return
    listed = [
        f"{len(lone)} only in {name} ({_some([prompt for prompt, _ in lone])})"
        for name, lone in zip(names, (gone, added), strict=True)
        if lone
    ]
    raise ConfigError(f"the prompts differ: {', '.join(listed)}; judge the same prompts of both.")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")


def cluster_codes(names: Sequence[str]) -> IntArray | None:
    """Give items that share something the same number; None where no two do."""
    places = {name: number for number, name in enumerate(dict.fromkeys(names))}
    if len(places) == len(names):
        return None
    return np.array([places[name] for name in names], dtype=np.intp)


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
