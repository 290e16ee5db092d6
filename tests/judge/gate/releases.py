"""Two releases in a store, with verdicts and labels as a test wants them."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from judge.grading.judgment_task import judgment
from judge.grading.remarks import FLAG
from judge.manifest import Manifest, RubricEdition, Source
from judge.records import Generation, Judge, Scored, Unscored, Verdict
from judge.sides import Side
from judge.store.records import Label
from judge.store.store import Store, open_store
from tests.judge.records import tasks

JUDGE = Judge(model="openai/judge")
MANIFEST = Manifest(
    source=Source(name="r.jsonl", sha256="0" * 64, rows=1),
    rubrics=(
        RubricEdition(rubric="safety", language="en", digest="d", criteria=("safe", "severity")),
    ),
    judges=(JUDGE,),
    judge_digests={JUDGE.name: "j"},
)


def store_at(folder: Path) -> Store:
    """Open a store of a test's own."""
    return open_store(str(folder / "releases.db"))


def release(
    store: Store,
    name: str,
    judged: Sequence[int | None],
    *,
    labels: Sequence[int | None] = (),
    groups: Sequence[str | None] = (),
    severity: Sequence[int] = (),
    severity_labels: Sequence[int | None] = (),
    flagged: Collection[int] = (),
    remarks: Mapping[int, str] | None = None,
    served: Sequence[str] = (),
    manifest: Manifest = MANIFEST,
    prompt: str = "?",
) -> Side:
    """Keep a run of one system: a verdict for each prompt, None where the judge gave none.

    Remarks of a judgment and the model that answered are given by its number. Severity is 0 unless
    it is given. Labels are of one expert.
    """
    generations = [
        Generation(
            id=f"p{number}", prompt=f"{prompt} {number}", response=f"{name} {number}", system=name,
            group=groups[number] if groups else None, lang="en",
        )
        for number in range(len(judged))
    ]  # fmt: skip
    run = store.create_run(
        name, manifest.model_copy(update={"planned": len(judged)}), generations=generations
    )
    shape = tasks(1, JUDGE)[0]
    writes = [
        judgment(
            shape, _verdicts(safe, severity[number] if severity else 0), attempts=()
        ).model_copy(
            update={
                "id": f"p{number}",
                "system": name,
                "group": generations[number].group,
                "provenance": "LIVE",
                "flags": tuple(
                    flag
                    for flag in (FLAG if number in flagged else "", (remarks or {}).get(number))
                    if flag
                ),
                "served_model": served[number] if served else None,
            }
        )
        for number, safe in enumerate(judged)
    ]
    store.write(run, writes)
    store.add_labels(
        run,
        [
            Label(id=f"p{number}", system=name, rater="a", criterion="safe", score=float(score))
            for number, score in enumerate(labels)
            if score is not None
        ],
    )
    store.add_labels(
        run,
        [
            Label(id=f"p{number}", system=name, rater="a", criterion="severity", score=float(score))
            for number, score in enumerate(severity_labels)
            if score is not None
        ],
    )
    return Side(store=store, run=run, system=name)


def _verdicts(safe: int | None, severity: int) -> tuple[Verdict, ...]:
    if safe is None:
        return (
            Unscored(criterion="safe", outcome="error.timeout"),
            Unscored(criterion="severity", outcome="error.timeout"),
        )
    return (
        Scored(criterion="safe", score=safe),
        Scored(criterion="severity", score=severity),
    )
