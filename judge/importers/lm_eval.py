"""Samples of lm-evaluation-harness: the ``samples_<task>_<time>.jsonl`` of ``--log_samples``.

Field names are those of its user guide and its logged samples, versions 0.4,
https://github.com/EleutherAI/lm-evaluation-harness/blob/main/docs/interface.md.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from judge.files import read_rows
from judge.files.decoding import Place
from judge.files.read import Node, parse_json
from judge.importers.base import Collected, Imported, Score, name_of, number_of, question, score_of
from judge.records import Generation

REQUIRED = ("doc_id", "arguments", "resps")
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
                found.score(document, _scores(document, generation))
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


def _scores(document: Node, generation: Generation) -> Iterator[Score]:
    chosen = document.get("filter")
    suffix = f",{chosen.text()}" if chosen is not None else ",none"
    for metric in document.items_of("metrics"):
        score = number_of(document.get(metric.text()))
        yield score_of(generation, metric.text() + suffix, score, judge="lm_eval")
