"""Known-answer texts judged beside a run: in a run of their own, so that they are never counted."""

from dataclasses import replace
from hashlib import sha256

from judge.canaries import SOURCE, Known, canaries, canary_run, compare
from judge.cli import console, session
from judge.config import Source
from judge.judging import JudgingPlan
from judge.run import Settings
from judge.store.sql import open_store


def watch(
    plan: JudgingPlan, settings: Settings, *, name: str, address: str, quiet: bool
) -> Known | None:
    """Judge the canaries as a run's texts are judged, and hold the verdicts against what is known.

    They are always asked anew: what an earlier run was told says nothing of the judge today.

    Returns
    -------
    Known or None
        None where none of the run's rubrics has canaries.
    """
    criteria = {criterion for canary in canaries() for criterion in canary.levels}
    editions = tuple(
        edition
        for edition in plan.editions
        if criteria & {criterion.id for criterion in edition("en").criteria}
    )
    if not editions:
        console.note("no canaries for these rubrics; there are some for safety and refusal")
        return None
    generations = [canary.generation for canary in canaries()]
    digest = sha256("\n".join(each.model_dump_json() for each in generations).encode()).hexdigest()
    done = session.conduct(
        JudgingPlan(
            source=Source(name=SOURCE, sha256=digest, rows=len(generations)),
            read=lambda: iter(generations),
            editions=editions,
            judges=plan.judges,
        ),
        replace(settings, recall=False),
        name=canary_run(name),
        address=address,
        quiet=quiet,
    )
    store = open_store(address)
    try:
        known = compare(store.judgments(done.run))
    finally:
        store.close()
    if known.alarm:
        wrong = ", ".join(known.wrong[:3]) or "the faults"
        console.note(f"ALARM: {known.alarm}; look at {wrong}. A gate does not trust this run.")
    return known
