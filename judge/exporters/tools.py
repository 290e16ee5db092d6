"""What other tools read: a batch of questions for a provider, feedback for MLflow."""

from collections.abc import Iterator, Mapping

from judge.exporters.rows import rows
from judge.grading import Task
from judge.store.base import Run
from judge.store.sql import Store

ENDPOINT = "/v1/chat/completions"


def requests(tasks: Iterator[Task]) -> Iterator[Mapping[str, object]]:
    """Write each task as one request of a batch.

    Parameters
    ----------
    tasks : iterator of Task

    Yields
    ------
    mapping
        ``custom_id`` is the content key of the task: order-free, and the same on every machine.
        The boundary code of the material is drawn from the key, since a batch is read later.
    """
    for task in tasks:
        question = task.question(task.key[:16])
        yield {
            "custom_id": task.key,
            "method": "POST",
            "url": ENDPOINT,
            "body": {
                "model": task.judge.model.partition("/")[2] or task.judge.model,
                "messages": [message.model_dump() for message in question.messages],
                "temperature": question.temperature,
                "max_tokens": question.max_tokens,
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {
                        "name": "verdict",
                        "strict": True,
                        "schema": question.reply_schema,
                    },
                },
            },
        }


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
