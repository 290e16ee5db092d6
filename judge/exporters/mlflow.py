"""Verdicts and labels as MLflow feedback: the same name for judge and human, so they align."""

from collections.abc import Iterator, Mapping

from judge.exporters.rows import rows
from judge.store.base import Run
from judge.store.sql import Store


def feedback(store: Store, run: Run) -> Iterator[Mapping[str, object]]:
    """Write one record for each verdict with a score and each label with one.

    Yields
    ------
    mapping
        Arguments of ``mlflow.log_feedback``, with the unit under ``metadata``. What has no score
        is written with ``error`` instead of a value, never with a number.
    """
    for row in rows(store, run, "verdicts"):
        scored = row["outcome"] == "ok"
        yield {
            "name": row["criterion"],
            "value": row["score"],
            "error": None if scored else row["outcome"],
            "rationale": row["rationale"],
            "source": {"source_type": "LLM_JUDGE", "source_id": row["judge"]},
            "metadata": {**_unit(row), "provenance": row["provenance"]},
        }
    for row in rows(store, run, "labels"):
        yield {
            "name": row["criterion"],
            "value": row["score"],
            "error": None if row["score"] is not None else "cannot_assess",
            "rationale": row["rationale"],
            "source": {"source_type": "HUMAN", "source_id": row["rater"]},
            "metadata": _unit(row),
        }


def _unit(row: Mapping[str, object]) -> dict[str, object]:
    return {name: row[name] for name in ("id", "system", "sample", "group")}
