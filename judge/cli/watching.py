"""Known-answer texts judged beside a run: in a run of their own, so that they are never counted."""

from dataclasses import replace
from hashlib import sha256

from judge.canaries import SOURCE, Known, canaries, canary_run, compare
from judge.cli import console, session
from judge.config import Source
from judge.judging import JudgingPlan
from judge.run import Settings
from judge.store.base import Run
from judge.store.sql import open_store

SHARE = 0.02
"""Part of a run's judgments below which canaries are judged without being asked for."""


def watched(
    done: session.Done,
    plan: JudgingPlan,
    settings: Settings,
    *,
    wanted: bool | None,
    address: str,
    quiet: bool,
) -> session.Done:
    """Judge the canaries beside a run that came to its end, and hold them against what is known.

    They are always asked anew: what an earlier run was told says nothing of the judge today. They
    spend what the run has left of its limits.

    Parameters
    ----------
    wanted : bool or None
        None for canaries where they are a small part of what the run planned.

    Returns
    -------
    Done
        With how the judge did; as it was where nothing was asked.
    """
    if done.interrupted or done.planned_only or done.unasked:
        return done
    beside = _canary_plan(plan)
    if beside is None:
        if wanted:
            console.note("no canaries for these rubrics; there are some for safety and refusal")
        return done
    if wanted is None:
        wanted = beside.manifest().planned < SHARE * done.run.manifest.planned
    if not wanted:
        return done
    ended = session.conduct(
        beside, _left(settings, done), name=canary_run(done.run.name), address=address, quiet=quiet
    )
    return replace(done, canaries=_known(ended.run, address))


def _canary_plan(plan: JudgingPlan) -> JudgingPlan | None:
    """Plan the canaries under the run's rubrics; None where there are none for any of them."""
    criteria = {criterion for canary in canaries() for criterion in canary.levels}
    editions = tuple(
        edition
        for edition in plan.editions
        if criteria & {criterion.id for criterion in edition("en").criteria}
    )
    if not editions:
        return None
    generations = [canary.generation for canary in canaries()]
    digest = sha256("\n".join(each.model_dump_json() for each in generations).encode()).hexdigest()
    return JudgingPlan(
        source=Source(name=SOURCE, sha256=digest, rows=len(generations)),
        read=lambda: iter(generations),
        editions=editions,
        judges=plan.judges,
    )


def _left(settings: Settings, done: session.Done) -> Settings:
    calls, usd = settings.max_calls, settings.budget_usd
    return replace(
        settings,
        recall=False,
        max_calls=None if calls is None else calls - done.calls,
        budget_usd=None if usd is None else usd - done.usd,
    )


def _known(run: Run, address: str) -> Known:
    store = open_store(address)
    try:
        known = compare(store.judgments(run))
    finally:
        store.close()
    if known.asked and known.alarm:
        wrong = ", ".join(known.wrong[:3]) or "the faults"
        console.note(f"ALARM: {known.alarm}; look at {wrong}. A gate does not trust this run.")
    return known
