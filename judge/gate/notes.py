"""What a reader of a decision must know beside its checks: where the labels come from, and files.

Each note is a sentence that the page has in both languages.
"""

from collections.abc import Iterator

from calibration.passport import JudgePassport
from judge.files.decoding import counted
from judge.policy import Measure, Policy
from judge.ratings import Side, is_computed, labels_decided, samples_of
from judge.store.digests import is_as_exported

MOST_NAMED = 5


def notes(policy: Policy, sides: tuple[Side, Side]) -> Iterator[str]:
    """Say what the labels and files of both sides do not show.

    Parameters
    ----------
    policy : Policy
        For the design that it states.
    sides : (Side, Side)
        Baseline and candidate.

    Yields
    ------
    str
    """
    baseline, candidate = sides
    if baseline.store.place != candidate.store.place and (
        is_as_exported(baseline.store, baseline.run) is None
    ):
        yield (
            f"the file of {baseline.name} carries no seal, so that a change of it would not be "
            "noticed"
        )
    runs = {(side.store.place, side.run.run_id): side for side in sides}
    for side in runs.values():
        yield from _of_labels(side, policy)


def _of_labels(side: Side, policy: Policy) -> Iterator[str]:
    labelled = {(each.id, each.system, each.sample) for each in side.store.labels(side.run)}
    samples = samples_of(side.store, side.run)
    run = side.run.name
    if labelled and not samples:
        yield (
            f"no draw of run {run} is on record; that its labels were drawn {policy.design} is the "
            "policy's word"
        )
    for sample in samples:
        if not any(item.unit in labelled for item in sample.items):
            drawn = counted(len(sample.items), "response")
            yield f"{sample.name or 'a draw'} of run {run}: {drawn}, no label"
    if samples:
        drawn = {item.unit for sample in samples for item in sample.items}
        strays = len(labelled - drawn)
        if strays:
            yield f"{strays} labelled responses of run {run} are of no draw and do not count"


def notes_on_raters(
    policy: Policy, sides: tuple[Side, Side], passport: JudgePassport | None
) -> Iterator[str]:
    """Name the raters that the passport does not know, where they decide a label.

    Other experts may well label a release than those that the judge was calibrated with, so this
    decides nothing: it says on whose word the decision rests.
    """
    if passport is None:
        return
    for side in sides:
        given = [each for each in side.store.labels(side.run) if each.system == side.system]
        strangers = sorted({each.rater for each in given if not passport.labels.knows(each.rater)})
        if not strangers:
            continue
        counts = [
            labels_decided(side, measure, strangers, bound_only=policy.bound_labels)
            for measure in _labelled_measures(policy, side)
        ]
        decided, labels = (sum(each) for each in zip((0, 0), *counts, strict=True))
        if decided:
            yield (
                f"raters that the passport does not know ({_named(strangers)}) decide {decided} "
                f"of {counted(labels, 'label')} of {side.name}"
            )


def _labelled_measures(policy: Policy, side: Side) -> list[Measure]:
    """List what checks and vetoes ask of labels, each once; no rule and no multi-choice item."""
    asked: dict[tuple[str, str, float | None], Measure] = {}
    for check in policy.checks:
        measure = check.measured.model_copy(update={"unit": "item"})
        used = [measure] if measure.criterion else []
        if check.veto is not None:
            levels = {"kind": "mean", "criterion": check.veto.criterion, "at_least": None}
            used.append(measure.model_copy(update=levels))
        for each in used:
            if not is_computed(side, each.rubric, each.criterion):
                asked.setdefault((each.rubric, each.criterion, each.at_least), each)
    return list(asked.values())


def _named(raters: list[str]) -> str:
    # A semicolon would part one note into two.
    shown = ", ".join(name[:40].replace(";", ",") for name in raters[:MOST_NAMED])
    return shown + (", ..." if len(raters) > MOST_NAMED else "")


def unbound_labels(*sides: Side) -> int:
    """Count labels that do not say which text was labelled."""
    return sum(
        label.system == side.system and label.text_sha256 is None and label.score is not None
        for side in sides
        for label in side.store.labels(side.run)
    )
