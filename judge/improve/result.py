"""What a search came to: lines, tables, a JSON document, and the new rubric's passport."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from calibration.passport import JudgePassport, PassportBasis, ProvenChange
from calibration.validation import Design
from judge.calibrate.analysis import calibrate
from judge.calibrate.calibration_set import Part
from judge.calibrate.passport import PassportSource, identity_of, issue
from judge.columns import Unit
from judge.conversation import UNKNOWN_LANGUAGE, tag_of
from judge.files.decoding import counted
from judge.improve.explain import Gap
from judge.improve.proof import CriterionProof, Spread
from judge.improve.search import Outcome
from judge.improve.session import Locked
from judge.manifest import Manifest, RubricEdition
from judge.store.digests import basis_digests
from rubrics.lint import diff
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import Rubric


def document(outcome: Outcome, locked: Locked) -> dict[str, object]:
    """Give everything that was found as JSON values: the content of ``--proof``."""
    material, request = locked.material, locked.request
    return {
        "verdict": outcome.verdict,
        "why": outcome.why,
        "simulated": is_simulated(outcome, locked),
        "provenance": outcome.provenance,
        "simulated_labels": material.simulated_labels,
        "run": material.run.name,
        "search": request.name,
        "method": request.method,
        "reflection_model": request.reflection.model if request.reflection else None,
        "seed": request.seed,
        "old": _named(outcome.old),
        "new": _named(outcome.new) if outcome.new else None,
        "new_rubric": outcome.new.model_dump(mode="json") if outcome.new else None,
        "judges": {"before": list(outcome.judges_before), "after": list(outcome.judges_after)},
        "origin": outcome.origin,
        "changes": [
            change.model_dump(mode="json")
            for change in (diff(outcome.old, outcome.new) if outcome.new else ())
        ],
        "criteria": [each.model_dump(mode="json") for each in outcome.criteria],
        "moved": [each.model_dump(mode="json") for each in outcome.moved],
        "candidates": [each.model_dump(mode="json") for each in outcome.candidates],
        "proposals": outcome.proposals,
        "rejected": [each.model_dump(mode="json") for each in outcome.rejected],
        "examples": list(outcome.example_keys),
        "partition": {"digest": outcome.partition, "sizes": outcome.sizes},
        "shares": request.shares.model_dump(),
        "look": outcome.look,
        "looks": outcome.looks,
        "alpha": outcome.alpha,
        "folds": outcome.folds,
        "left_out": dict(material.left_out),
        "calls": outcome.calls,
        "cost_usd": outcome.usd,
        "notes": list(outcome.notes),
    }


def is_simulated(outcome: Outcome, locked: Locked) -> bool:
    """Tell whether any verdict or label behind the outcome is simulated."""
    return outcome.provenance == "SIMULATED" or locked.material.simulated_labels


def _named(rubric: Rubric) -> dict[str, str]:
    return {
        "id": rubric.id,
        "version": rubric.version,
        "language": rubric.language,
        "digest": rubric_digest(rubric),
    }


def rows(outcome: Outcome) -> list[dict[str, object]]:
    """Give a row of the table for each criterion."""
    return [
        {
            "criterion": each.criterion,
            "verdict": each.verdict,
            "n": each.n,
            "before": f"{each.agreement_before:.1%}",
            "after": f"{each.agreement_after:.1%}",
            "gain": points(each.gain),
            "select": "-" if each.select_gain is None else f"{100 * each.select_gain:+.1f}",
            "shrinkage": "-" if each.shrinkage is None else f"{100 * each.shrinkage:+.1f}",
            "width": _change(each),
        }
        for each in outcome.criteria
    ]


def points(spread: Spread) -> str:
    """Write a gain in percentage points with its interval."""
    return f"{100 * spread.value:+.1f} [{100 * spread.low:+.1f}, {100 * spread.high:+.1f}]"


def _change(proof: CriterionProof) -> str:
    change = proof.width_change
    if change is None:
        return "-"
    return f"{100 * change.value:+.0f} % [{100 * change.low:+.0f}, {100 * change.high:+.0f}]"


def candidate_rows(outcome: Outcome) -> list[dict[str, object]]:
    """Give a row for each candidate that was tried on the select part."""
    return [
        {
            "candidate": f"{'*' if each.chosen else ' '} {each.origin}",
            "judges": " + ".join(each.judges),
            "changes": ", ".join(each.fields) or "-",
            "agreement": "-" if each.agreement is None else f"{each.agreement:.1%}",
            "gain": "-" if each.gain is None else f"{100 * each.gain:+.1f}",
            "missing": each.missing,
            "usd_item": "-" if each.usd_per_item is None else f"{each.usd_per_item:.5f}",
            "usd_point": "-" if each.usd_per_point is None else f"{each.usd_per_point:.5f}",
        }
        for each in outcome.candidates
    ]


def lines(outcome: Outcome, locked: Locked) -> Iterator[str]:
    """Say in lines what was found, beside the tables."""
    if outcome.why:
        yield outcome.why
    for each in outcome.criteria:
        missing = each.missing_before + each.missing_after
        if missing:
            bound = each.gain_if_missing
            yield (
                f"{each.criterion}: {counted(each.missing_before, 'verdict')} missing before and "
                f"{each.missing_after} after, in no average; they could move the gain to "
                f"{100 * bound.low:+.1f} or {100 * bound.high:+.1f} points"
            )
    better = sum(each.better for each in outcome.moved)
    if outcome.moved:
        wrong = [each.id for each in outcome.moved if not each.better][:5]
        shown = f" ({', '.join(wrong)})" if wrong else ""
        yield (
            f"{counted(better, 'verdict')} moved towards the experts, "
            f"{len(outcome.moved) - better} away{shown}"
        )
    guards = Counter(fault.guard for fault in outcome.rejected)
    rejected = ", ".join(f"{name} {count}" for name, count in sorted(guards.items()))
    yield (
        f"{counted(outcome.proposals, 'proposal')}, "
        f"{counted(len(outcome.candidates) - 1, 'candidate')} tried"
        + (f"; guards rejected: {rejected}" if rejected else "")
    )
    sizes = ", ".join(f"{part} {count}" for part, count in outcome.sizes.items())
    yield f"labelled responses: {sizes}; parts {outcome.partition[:12]}"
    if outcome.folds is not None:
        yield f"{outcome.folds} folds, each judged by a rubric that never saw it"
    elif outcome.look is not None:
        yield f"look {outcome.look} of {outcome.looks} at the proof part"
    for why, count in locked.material.left_out.items():
        yield f"{count} labelled responses {why} take no part; improve that edition by itself"
    yield from outcome.notes
    yield f"{counted(outcome.calls, 'call')}" + (
        "" if outcome.usd is None else f", ${outcome.usd:.4f}"
    )


SHORT = {
    "the rubric does not say": "rubric silent",
    "the judge does not follow": "judge does not follow",
    "experts part": "experts part",
    "untested": "untested",
}
"""Causes as a table calls them."""


def gap_rows(gaps: Sequence[Gap]) -> list[dict[str, object]]:
    """Give a row for each group of disagreements."""
    return [
        {
            "criterion": gap.criterion,
            "experts": f"{gap.experts:g}",
            "judge": f"{gap.judge:g}",
            "labels": f"{gap.count} of {gap.of}",
            "among": "-" if gap.expert_agreement is None else f"{gap.expert_agreement:.0%}",
            "cause": SHORT[gap.cause],
            "moves": "-" if gap.cause in {"untested", "experts part"} else f"{gap.moved}",
            "net": "-"
            if gap.cause in {"untested", "experts part"}
            else f"{gap.gained - gap.lost:+d}",
        }
        for gap in gaps
    ]


def passport_of(
    outcome: Outcome, locked: Locked, *, design: Design, today: date, days: int
) -> JudgePassport:
    """Issue the new rubric's passport, from the proof part's labels and verdicts alone.

    Parameters
    ----------
    outcome : Outcome
        A better one.
    locked : Locked
    design : {'random', 'by-verdict', 'curated'}
        How the labelled responses were chosen.
    today : date
    days : int
        How long it holds.

    Raises
    ------
    ValueError
        If there is no new rubric.
    """
    rubric, material = outcome.new, locked.material
    if rubric is None:
        raise ValueError("only a new rubric gets a passport; the old one stays.")
    cut = [_proven(part, outcome) for part in material.parts]
    parts = [part for part in cut if part is not None]
    findings = calibrate(
        parts,
        design=design,
        source=locked.request.name,
        labels=f"proof part of {material.run.name}",
        simulated_labels=material.simulated_labels,
    )
    manifest = _manifest(rubric, outcome.judges_after, locked)
    issued = issue(
        findings,
        parts,
        identity_of(manifest),
        design=design,
        today=today,
        days=days,
        source=_source_of(outcome, locked),
    )
    return replace(issued, change=_change_of(outcome, locked))


def _source_of(outcome: Outcome, locked: Locked) -> PassportSource | None:
    """Say what the passport rests on: the search with its verdicts, and the run's labels."""
    store, run = locked.store, locked.store.find_run(locked.request.name)
    if run is None:
        return None
    proven = {(each.id, each.system, each.sample) for each in outcome.verdicts}
    cases = [case for case in locked.material.cases if case.unit in proven]
    served = {
        each.served_model
        for each in store.judgments(run)
        if each.judge in outcome.judges_after and each.served_model is not None
    }
    return PassportSource(
        languages=tuple(sorted({tag_of(case.generation) or UNKNOWN_LANGUAGE for case in cases})),
        served_models=tuple(sorted(served)),
        basis=PassportBasis(run=run.name, **basis_digests(store, run)),
    )


def _change_of(outcome: Outcome, locked: Locked) -> ProvenChange:
    reflection = locked.request.reflection
    return ProvenChange(
        search=locked.request.name,
        partition=outcome.partition,
        candidates=len(outcome.candidates) - 1,
        look=outcome.look or 0,
        looks=outcome.looks,
        reflection_model=reflection.model if reflection else "",
        old_rubric=rubric_digest(outcome.old),
    )


def _proven(part: Part, outcome: Outcome) -> Part | None:
    """Cut a part down to the proof's responses, with the new judge's verdicts."""
    said: dict[Unit, int | None] = {
        (each.id, each.system, each.sample): each.levels.get(part.criterion)
        for each in outcome.verdicts
    }
    kept = np.array([unit in said for unit in part.units])
    if not kept.any():
        return None
    cut = part.subset(kept)
    levels = (said[unit] for unit in cut.units)
    return replace(
        cut,
        judge=outcome.judges_after[0] if len(outcome.judges_after) == 1 else "panel",
        verdicts=np.array([np.nan if level is None else float(level) for level in levels]),
        strata=None,
        certainty=None,
        passing=None,
        traits={},
        earlier=None,
        flips=(0, 0),
        provenance=outcome.provenance,
    )


def _manifest(rubric: Rubric, names: Sequence[str], locked: Locked) -> Manifest:
    """Say what a run is made of that judges with the new rubric."""
    material = locked.material
    judges = {judge.name: judge for judge in (material.judge, *locked.request.judges)}
    return Manifest(
        source=material.run.manifest.source,
        rubrics=(
            RubricEdition(
                rubric=rubric.id,
                language=rubric.language,
                digest=rubric_digest(rubric),
                criteria=tuple(criterion.id for criterion in rubric.criteria),
            ),
        ),
        judges=tuple(judges[name] for name in names),
        on_refusal=material.run.manifest.on_refusal,
    )
