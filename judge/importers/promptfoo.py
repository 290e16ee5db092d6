"""Results of promptfoo: the JSON of ``promptfoo eval --output FILE.json``, version 3.

Field names are those of its output, https://www.promptfoo.dev/docs/configuration/outputs.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from judge.files.read import Node, read_document
from judge.importers.base import Collected, Imported, Score, name_of, number_of, score_of
from judge.records import Generation


def read_promptfoo(path: str | Path, *, system: str | None = None) -> Imported:
    """Read each response as a generation, with its score and its named scores.

    The id is made of the number of the test, and of the prompt where there are several. A test
    that ran several times gives several samples. What failed has no response and is left out.

    Parameters
    ----------
    path : str or Path
    system : str, optional
        Name of the model under test; otherwise the label or id of each provider.

    Raises
    ------
    TableError
        If the file is no such output.
    """
    entries = list(read_document(path).at("results").at("results").items())
    found = Collected()
    for entry, unit in zip(entries, _units(entries, system), strict=True):
        response = _response(entry)
        if response is None:
            found.leave_out(entry, "no response, as the provider failed")
            continue
        generation = Generation(
            id=unit[0],
            prompt=entry.at("prompt").at("raw").text(),
            response=response,
            system=unit[1],
            sample=unit[2],
            group=_description(entry),
        )
        found.keep(entry, generation)
        found.score(entry, _scores(entry, generation))
    return found.all()


def _units(entries: Sequence[Node], system: str | None) -> Iterator[tuple[str, str, int]]:
    several = len({_index(entry, "promptIdx") for entry in entries}) > 1
    runs: Counter[tuple[str, str]] = Counter()
    for entry in entries:
        name = _index(entry, "testIdx")
        if several:
            name = f"{name}/{_index(entry, 'promptIdx')}"
        model = system or _provider(entry.at("provider"))
        yield name, model, runs[name, model]
        # A run that failed counts: otherwise the samples of two systems would not be paired.
        runs[name, model] += 1


def _index(entry: Node, name: str) -> str:
    return name_of(entry.at(name))


def _provider(node: Node) -> str:
    if isinstance(node.value, str):
        return node.value
    return (node.get("label") or node.at("id")).text()


def _response(entry: Node) -> str | None:
    response = entry.get("response")
    output = None if response is None else response.get("output")
    if output is None:
        return None
    # A provider that was asked for JSON gives it parsed.
    if isinstance(output.value, str):
        return output.value
    return json.dumps(output.value, ensure_ascii=False, sort_keys=True)


def _description(entry: Node) -> str | None:
    described = entry.fields_of("testCase").get("description")
    return None if described is None or described.value is None else described.text()


def _scores(entry: Node, generation: Generation) -> Iterator[Score]:
    parts = entry.fields_of("namedScores")
    # An assertion that broke is no low score: promptfoo writes 2 for errors, 1 for failed checks.
    broken = (reason := entry.get("failureReason")) is not None and reason.value == 2
    for criterion, node in {"score": entry.get("score"), **parts}.items():
        score = None if broken else number_of(node)
        yield score_of(generation, criterion, score, judge="promptfoo")
