"""What the store holds of a run as a whole: its rubrics as they were, and which models answered."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from judge.manifest import Sample
    from judge.store.records import Run
    from judge.store.store import Store
    from rubrics.rubric import Rubric


def kept_rubrics(store: "Store", run: "Run") -> "dict[tuple[str, str], Rubric]":
    """Read the rubrics of a run as they were when it was made, by id and language."""
    from rubrics.rubric import Rubric

    found: dict[tuple[str, str], Rubric] = {}
    for edition in run.manifest.rubrics:
        body = store.latest_document(run, _kind(edition.rubric, edition.language))
        if body is not None:
            found[edition.rubric, edition.language] = Rubric.model_validate_json(body)
    return found


def criterion_titles(store: "Store", run: "Run", language: str) -> dict[tuple[str, str], str]:
    """Name the criteria of a run, by rubric and criterion, in a language where there is one."""
    from rubrics.library import in_language

    kept = kept_rubrics(store, run)
    # The edition in the language itself comes last, so that its names stand.
    rubrics = sorted(kept.values(), key=lambda rubric: rubric.language == language)
    return {
        (rubric.id, criterion.id): criterion.title
        for rubric in (in_language(each, language) for each in rubrics)
        for criterion in rubric.criteria
    }


def rubric_document(rubric: "Rubric") -> tuple[str, str]:
    """Give the kind and the body under which a run keeps a rubric."""
    return _kind(rubric.id, rubric.language), rubric.model_dump_json()


def _kind(rubric: str, language: str) -> str:
    return f"rubric/{rubric}/{language}"


def samples_of(store: "Store", run: "Run") -> "tuple[Sample, ...]":
    """Read the draws of a run, oldest first."""
    from judge.manifest import KIND, Sample

    return tuple(Sample.model_validate_json(body) for body in store.documents(run, KIND))


def count_served(
    store: "Store", run: "Run", *, system: str | None = None
) -> Iterator[tuple[str, str, tuple[str, ...], int]]:
    """Count a run's judgments by judge, model that answered, and remarks, in the database.

    Parameters
    ----------
    store : Store
    run : Run
    system : str, optional
        Count those of one system alone.

    Yields
    ------
    (str, str, tuple of str, int)
        Judgments whose model is not known are left out.
    """
    from sqlalchemy import JSON, cast, func, select, type_coerce

    from judge.store import schema

    table = schema.judgments
    # PostgreSQL reads the text as JSON, SQLite has functions for JSON in a text.
    as_json = cast if store.shared else type_coerce
    record = as_json(table.c.record, JSON)
    served, flags = record["served_model"].as_string(), record["flags"].as_string()
    query = (
        select(table.c.judge, served, flags, func.count())
        .where(table.c.run_id == run.run_id, served.is_not(None))
        .group_by(table.c.judge, served, flags)
    )
    if system is not None:
        query = query.where(table.c.system == system)
    with store.transaction() as connection:
        for judge, model, remarks, count in connection.execute(query):
            yield str(judge), str(model), tuple(json.loads(remarks)), int(count)
