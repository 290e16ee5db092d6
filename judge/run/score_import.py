"""Scores of another tool as a run, so that every command that asks for a run works on them."""

from pathlib import Path
from typing import TYPE_CHECKING

from judge.errors import ConfigError
from judge.importers.scores import ImportedScores
from judge.manifest import Manifest, RubricEdition, Source
from judge.records import Judge, model_digest
from judge.store.records import Run
from judge.store.run_contents import rubric_document
from rubrics.reply_schema import rubric_digest

if TYPE_CHECKING:
    from judge.store.store import Store


def keep_scores(store: "Store", found: ImportedScores, *, name: str, file: Path) -> Run:
    """Keep imported scores as a run of that name; the same scores again are the same run.

    Raises
    ------
    ConfigError
        If the name is taken by another run.
    """
    source = Source(name=file.name, sha256=found.sha256, rows=found.rows)
    there = store.find_run(name)
    if there is not None:
        if there.manifest.source == source:
            return there
        raise ConfigError(f"run {name!r} holds something else; name another with --run NAME.")
    judges = tuple(Judge(model=name) for name in found.judges)
    repeats = 1 + max((each.repeat for each in found.judgments), default=0)
    manifest = Manifest(
        source=source,
        rubrics=tuple(
            RubricEdition(
                rubric=each.id,
                language=each.language,
                digest=rubric_digest(each),
                criteria=tuple(criterion.id for criterion in each.criteria),
            )
            for each in found.rubrics
        ),
        judges=judges,
        judge_digests={judge.name: model_digest(judge) for judge in judges},
        repeats=repeats,
        planned=len(found.judgments),
    )
    run = store.create_run(
        name,
        manifest,
        generations=found.generations,
        documents=dict(rubric_document(each) for each in found.rubrics),
    )
    with store.writer(run):
        store.write(run, found.judgments)
    return run
