"""With few labels: nested cross-fitting proves the procedure, not the rubric that is shipped.

The labelled prompts are cut into K folds. For each fold the whole search runs on the others, and
old and found rubric are compared on the fold, which that search never saw; the differences of all
folds together say what the procedure gains. The shipped rubric is then searched for on all labels,
so that none is left for a passport: that takes fresh ones.

References
----------
Stone (1974), J. R. Statist. Soc. B 36, 111-147, cross-validation of a choice (nested).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from judge.improve.cases import Case
from judge.improve.evaluation import Judged, Setup
from judge.improve.partition import Parted, TooFewLabels, shortage
from judge.improve.proof import Pairing, moved, overall, prove
from judge.improve.search import Context, Outcome, SearchTask, require_answers
from judge.records import digest, worst
from judge.store.seal import Opening, Partition, PartName, PlacedPrompt, SealedError, looks_at

FEWEST_FOLDS = 3


async def cross_fit(context: Context, cases: Sequence[Case], *, folds: int) -> Outcome:
    """Prove the procedure on folds, then search on all labels.

    Parameters
    ----------
    context : Context
    cases : sequence of Case
        All labelled ones.
    folds : int
        3 or more.

    Returns
    -------
    Outcome
        Its `folds` says that the verdict is of the procedure.

    Raises
    ------
    TooFewLabels
        If even all labels together are too few.
    SealedError
        If a label was in a proof part that was opened.
    """
    criteria = _criteria(cases, context.old)
    opening = _open(cases, context, folds=folds)
    if opening.outcome is not None:
        return Outcome.model_validate_json(opening.outcome)
    fold_of = _folds(cases, folds, context.wishes.seed)
    held: list[_Fold] = []
    for fold in range(folds):
        parted = Parted(cases, _parts(cases, context, fold_of, held=fold))
        left = folds - fold + 1
        task = SearchTask(context, parted, criteria=criteria, folds=left)
        held.append(await _one_fold(context, task, parted, name=f"fold {fold + 1}"))
        new = "a new rubric" if held[-1].changed else "the old rubric"
        context.report(f"fold {fold + 1} of {folds}: {new}")
    pairing = Pairing(
        cases=[case for fold in held for case in fold.cases],
        before=[each for fold in held for each in fold.before],
        after=[each for fold in held for each in fold.after],
        rubric=context.old.rubric,
    )
    require_answers(pairing.before, pairing.after)
    parted = Parted(cases, _parts(cases, context, fold_of, held=None))
    task = SearchTask(context, parted, criteria=criteria)
    outcome = await _shipped(context, task, pairing, criteria, opening)
    outcome = outcome.model_copy(update={"folds": folds})
    context.ledger.close(opening, outcome.model_dump_json())
    context.ledger.register(task.used(outcome))
    return outcome


@dataclass(frozen=True, kw_only=True)
class _Fold:
    cases: tuple[Case, ...]
    before: tuple[Judged, ...]
    after: tuple[Judged, ...]
    changed: bool


def _criteria(cases: Sequence[Case], old: Setup) -> tuple[str, ...]:
    names = [criterion.id for criterion in old.rubric.criteria]
    found = tuple(name for name in names if shortage(cases, name) is None)
    if not found:
        why = "; ".join(f"{name}: {shortage(cases, name)}" for name in names)
        raise TooFewLabels(f"too few labels even for cross-fitting ({why}).")
    return found


async def _one_fold(context: Context, task: SearchTask, parted: Parted, *, name: str) -> _Fold:
    """Search on the other folds, and compare old and found rubric on this one."""
    chosen = await task.choose()
    old = context.old
    new = old if chosen is None else Setup(rubric=chosen.rubric, judges=chosen.judges)
    cases = parted.open(looks_before=0)
    before, after = await context.engine.judge([old, new], cases, fresh=name)
    return _Fold(cases=cases, before=before, after=after, changed=chosen is not None)


async def _shipped(  # noqa: PLR0917 - one step of cross_fit, with all that it has found
    context: Context,
    task: SearchTask,
    pairing: Pairing,
    criteria: tuple[str, ...],
    opening: Opening,
) -> Outcome:
    """Search on all labels, and say of the procedure what the folds say."""
    shipped = await task.choose()
    proofs = prove(pairing, criteria, alpha=opening.alpha, n_judged=context.n_judged)
    verdict = overall(proofs)
    note = (
        "the folds prove the procedure; the rubric itself was searched for on all labels, so its "
        "passport takes fresh ones"
    )
    found = task.nothing() if shipped is None else task.outcome(shipped, opening)
    return found.model_copy(
        update={
            "verdict": "NOT SHOWN" if shipped is None and verdict == "BETTER" else verdict,
            "criteria": proofs,
            "moved": moved(pairing, criteria),
            "provenance": worst({each.provenance for each in (*pairing.before, *pairing.after)}),
            "calls": context.engine.calls,
            "usd": context.engine.usd or None,
            "notes": (note,),
        }
    )


def _open(cases: Sequence[Case], context: Context, *, folds: int) -> Opening:
    """Write down that all labels are read; find it where this search has begun."""
    ledger, wishes, rubric = context.ledger, context.wishes, context.old.rubric.id
    prompts = tuple(sorted({prompt for case in cases for prompt in case.prompts}))
    labels = digest(sorted([*map(str, c.unit), str(sorted(c.labels.items()))] for c in cases))
    openings = ledger.openings(rubric)
    mine = [each for each in openings if (each.search, each.labels) == (wishes.name, labels)]
    if mine:
        return mine[-1]
    if looks_at(openings, prompts):
        raise SealedError(
            "some of these labels have proven a rubric before; leave them out or label new prompts."
        )
    return ledger.open(
        Opening(
            search=wishes.name,
            rubric=rubric,
            partition=digest([folds, prompts]),
            prompts=prompts,
            look=1,
            alpha=wishes.alpha,
            labels=labels,
            candidate="",
        )
    )


def _folds(cases: Sequence[Case], folds: int, seed: int) -> dict[str, int]:
    names = sorted({case.cluster for case in cases})
    order = np.random.default_rng(seed).permutation(len(names)).tolist()
    return {names[place]: turn % folds for turn, place in enumerate(order)}


def _parts(
    cases: Sequence[Case], context: Context, fold_of: Mapping[str, int], *, held: int | None
) -> Partition:
    """Hold a fold back as proof; of the others three fifths reflect and two fifths select."""
    names = sorted(name for name, fold in fold_of.items() if fold != held)
    turn = 0 if held is None else held + 1
    rng = np.random.default_rng([context.wishes.seed, turn])
    order = rng.permutation(len(names)).tolist()
    parts: dict[str, PartName] = {name: "proof" for name, fold in fold_of.items() if fold == held}
    for turn, place in enumerate(order):
        parts[names[place]] = "select" if turn % 5 in {1, 3} else "reflect"
    prompts = {case.cluster: case.prompts for case in cases}
    return Partition(
        rubric=context.old.rubric.id,
        seed=context.wishes.seed,
        prompts=tuple(
            PlacedPrompt(
                cluster=name, prompts=prompts[name], part=part, stratum="", probability=1.0
            )
            for name, part in sorted(parts.items())
        ),
    )
