"""Whether the judge of a run may be believed: the run's identity held against a passport."""

from collections.abc import Sequence
from datetime import date

from calibration.passport import JudgeIdentity, JudgePassport, JudgeUse, check, fingerprint
from judge import containment
from judge.config import AS_IT_IS, Manifest, OnRefusal
from judge.keys import model_digest


def identity_of(manifest: Manifest) -> JudgeIdentity:
    """Name what makes the judge of a run this judge.

    The judge's models and addresses, their settings, the meaning of each rubric in each language,
    and the layout in which material reaches the judge. What was judged is no part of it.
    """
    judges = sorted(manifest.judges, key=lambda judge: judge.name)
    return JudgeIdentity(
        name=", ".join(judge.name for judge in judges),
        judge_hash=fingerprint([[judge.model, judge.base_url] for judge in judges]),
        rubric_hash=fingerprint(
            sorted([each.rubric, each.language, each.digest] for each in manifest.rubrics)
        ),
        prompt_hash=fingerprint([manifest.kind, containment.POLICY]),
        settings_hash=fingerprint(
            [[judge.temperature, judge.max_tokens, judge.seed] for judge in judges]
            + _ladder(manifest.on_refusal)
        ),
        languages=tuple(sorted({each.language for each in manifest.rubrics})),
    )


def _ladder(on_refusal: OnRefusal) -> list[list[object]]:
    """Name what is tried after a refusal; nothing where nothing is."""
    if on_refusal == AS_IT_IS:
        return []
    second = on_refusal.second
    named = None if second is None else model_digest(second)
    return [[on_refusal.neutral, named]]


def distrust(
    passport: JudgePassport | None,
    manifest: Manifest,
    *,
    criteria: Sequence[str],
    today: date,
    allow_simulated: bool = False,
) -> tuple[str, ...]:
    """Say why the judge of a run is not to be believed.

    Parameters
    ----------
    passport : JudgePassport or None
        None where there is none, which is a reason.
    manifest : Manifest
        Of the run whose verdicts are to be used.
    criteria : sequence of str
        Those that the decision rests on.
    today : date
    allow_simulated : bool
        Whether a passport of the simulated judge may stand; for demonstrations only.

    Returns
    -------
    tuple of str
        Sentences; empty when nothing stands against the judge.
    """
    if passport is None:
        return ("there is no passport for the judge; make one with cvalues calibrate --passport.",)
    identity = identity_of(manifest)
    use = JudgeUse(
        judge_hash=identity.judge_hash,
        rubric_hash=identity.rubric_hash,
        prompt_hash=identity.prompt_hash,
        settings_hash=identity.settings_hash,
        languages=identity.languages,
        criteria=tuple(dict.fromkeys(criteria)),
        allow_simulated=allow_simulated,
    )
    return tuple(reason.text for reason in check(passport, use, now=today).reasons)
