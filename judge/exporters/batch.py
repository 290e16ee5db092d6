"""Questions of a plan as a provider's batch file: OpenAI's JSONL, one request a line."""

from collections.abc import Iterator, Mapping

from judge.grading import Task

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
