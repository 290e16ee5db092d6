"""Samples of lm-evaluation-harness: the ``samples_<task>_<time>.jsonl`` of ``--log_samples``.

Field names are those of its user guide and its logged samples, versions 0.4,
https://github.com/EleutherAI/lm-evaluation-harness/blob/main/docs/interface.md.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from judge.files.decoding import Place
from judge.files.read import Node, parse_json, read_rows
from judge.importers.base import Collected, Imported, Score, name_of, number_of, question, score_of
from judge.records import Generation

REQUIRED = ("doc_id", "arguments", "resps")
_NO_METRICS = frozenset(
    (*REQUIRED, "doc", "target", "filtered_resps", "filter", "doc_hash", "prompt_hash")
)
_FILE = re.compile(r"samples_(?P<task>.+)_\d{4}-\d{2}-\d{2}T[0-9.:-]+")


def read_lm_eval(path: str | Path, *, system: str | None = None) -> Imported:
    """Read what a model generated, and its metrics named as the harness does: ``metric,filter``.

    Several responses to one document are samples from 0. Rows of further filters repeat the
    responses and add their metrics alone. Tasks that compare likelihoods hold no responses and
    are refused.

    Parameters
    ----------
    path : str or Path
        One file of samples.
    system : str, optional
        Name of the model under test, which the file does not tell; otherwise ``"default"``.

    Raises
    ------
    TableError
        If the file is no such file.
    """
    named = _FILE.fullmatch(Path(path).stem)
    task = named["task"] if named else None
    found = Collected()
    filters: Counter[str] = Counter()
    for row in read_rows(path, required=REQUIRED):
        document = Node(row.values, "", Place(row.source, row.line))
        name = name_of(document.at("doc_id"))
        prompt = _prompt(document)
        for sample, response in enumerate(_responses(document)):
            generation = Generation(
                id=name,
                prompt=prompt,
                response=response,
                system=system or "default",
                sample=sample,
                group=task,
            )
            known = found.generations.setdefault(generation.unit, generation)
            if known.response != response:
                raise document.error(
                    f"repeats doc_id {name} with another response", "import one run at a time"
                )
            if sample == 0:
                found.score(document, _scores(document, generation, filters=filters[name]))
        filters[name] += 1
    return found.all()


def _prompt(document: Node) -> str:
    """Take the context: the first argument of the first request, in old files and new ones."""
    arguments = document.at("arguments")
    if isinstance(arguments.value, dict):
        return question(_unpacked(arguments.at("gen_args_0").at("arg_0")))
    first = next(arguments.items(), None)
    context = None if first is None else next(first.items(), None)
    if context is None:
        raise arguments.error("is empty", "is it the file of another tool?")
    return question(_unpacked(context))


def _unpacked(context: Node) -> Node:
    """Read the messages that the harness writes as JSON within a text, for chat models."""
    if isinstance(context.value, list):
        # A chat model behind an API gets a list that holds the messages as one JSON text.
        only = list(context.items())
        return _unpacked(only[0]) if len(only) == 1 and isinstance(only[0].value, str) else context
    if not isinstance(context.value, str) or not context.value.startswith('[{"role"'):
        return context
    return Node(parse_json(context.value, context.place), context.way, context.place)


def _responses(document: Node) -> Iterator[str]:
    for request in document.at("resps").items():
        for response in request.items():
            if not isinstance(response.value, str):
                raise response.error(
                    "is a likelihood, not a response", "import a task that generates text"
                )
            yield response.value


def _scores(document: Node, generation: Generation, *, filters: int) -> Iterator[Score]:
    chosen = document.get("filter")
    suffix = f",{chosen.text()}" if chosen is not None else ",none"
    if chosen is None and filters:
        # Old files tell the filters of a task apart by the order of their rows alone.
        suffix = f",none-{filters + 1}"
    for metric in _metrics(document):
        score = number_of(document.get(metric))
        yield score_of(generation, metric + suffix, score, judge="lm_eval")


def _metrics(document: Node) -> Iterator[str]:
    """Name the metrics; old files do not list them, so there every other number is one."""
    if document.get("metrics") is not None:
        return (metric.text() for metric in document.items_of("metrics"))
    fields = document.fields().items()
    return (
        name for name, node in fields if name not in _NO_METRICS and number_of(node) is not None
    )
