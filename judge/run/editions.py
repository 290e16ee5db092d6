"""The rubrics that a run keeps as they were when it was made, by id and language."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from judge.store.records import Run
    from judge.store.store import Store
    from rubrics.rubric import Rubric


def kept_rubrics(store: "Store", run: "Run") -> "dict[tuple[str, str], Rubric]":
    """Read the rubrics of a run, by id and language."""
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
