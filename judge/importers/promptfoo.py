"""Results of promptfoo: the JSON of ``promptfoo eval --output FILE.json``, version 3.

Field names are those of its output, https://www.promptfoo.dev/docs/configuration/outputs.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from judge.conversation import asked_before, is_exchange
from judge.files.read import Node, read_document
from judge.importers.base import Collected, Imported, Score, number_of, score_of
from judge.importers.chat import chat_turns, is_messages, parsed
from judge.records import Generation, Turn


def read_promptfoo(path: str | Path, *, system: str | None = None) -> Imported:
    """Read each response as a generation, with its score and its named scores.

    The id is made of the number of the test, and of the prompt where there are several; all
    providers share it, whose columns promptfoo numbers one by one. A test that ran several times
    gives several samples. What failed has no response and is left out. A grader whose own reply
    could not be read has given no score, though promptfoo writes 0.

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
        turns = _turns(entry, response)
        prompt = entry.at("prompt").at("raw").text()
        generation = Generation(
            id=unit[0],
            prompt=asked_before(turns, len(turns) - 1) if turns else prompt,
            response=response,
            messages=turns,
            system=unit[1],
            sample=unit[2],
            group=_description(entry),
        )
        found.keep(entry, generation)
        found.score(entry, _scores(entry, generation))
    return found.all()


def _units(entries: Sequence[Node], system: str | None) -> Iterator[tuple[str, str, int]]:
    tests = _numbers(entries, "testIdx", [_test(entry) for entry in entries])
    prompts = _numbers(entries, "promptIdx", [_prompt(entry) for entry in entries])
    units = [
        (
            f"{test}/{prompt}" if len(set(prompts)) > 1 else str(test),
            system or _provider(entry.at("provider")),
        )
        for entry, test, prompt in zip(entries, tests, prompts, strict=True)
    ]
    runs: Counter[tuple[str, str]] = Counter()
    samples: dict[int, int] = {}
    for at in sorted(range(len(entries)), key=lambda at: _index(entries[at], "testIdx")):
        # A run that failed counts: otherwise the samples of two systems would not be paired.
        samples[at] = runs[units[at]]
        runs[units[at]] += 1
    return ((*unit, samples[at]) for at, unit in enumerate(units))


def _numbers(entries: Sequence[Node], field: str, contents: Sequence[str]) -> Sequence[int]:
    """Give entries of the same content one number, the first that the tool counts for it."""
    numbers: dict[str, int] = {}
    for entry, content in zip(entries, contents, strict=True):
        number = _index(entry, field)
        numbers[content] = min(number, numbers.get(content, number))
    return [numbers[content] for content in contents]


def _test(entry: Node) -> str:
    """Tell a test from others, whichever its run: its values, assertions and description."""
    values = entry.fields_of("vars") or entry.fields_of("prompt")
    shown = {name: node.value for name, node in values.items()}
    # Results of early versions repeat no test case; their values alone tell tests apart.
    case = entry.get("testCase")
    told = None if case is None else case.value
    return json.dumps([shown, told], ensure_ascii=False, sort_keys=True)


def _prompt(entry: Node) -> str:
    known = entry.get("promptId")
    return str(_index(entry, "promptIdx")) if known is None else known.text()


def _index(entry: Node, name: str) -> int:
    number = entry.at(name)
    if not isinstance(number.value, int) or isinstance(number.value, bool):
        raise number.error("is no number", "is it the file of another tool?")
    return number.value


def _provider(node: Node) -> str:
    if isinstance(node.value, str):
        return node.value
    label = node.get("label")
    return (label if label is not None and label.value else node.at("id")).text()


def _response(entry: Node) -> str | None:
    response = entry.get("response")
    output = None if response is None else response.get("output")
    if output is None:
        return None
    # A provider that was asked for JSON gives it parsed.
    if isinstance(output.value, str):
        return output.value
    return json.dumps(output.value, ensure_ascii=False, sort_keys=True)


def _turns(entry: Node, response: str) -> tuple[Turn, ...]:
    """Read a conversation: what an attack of several turns notes, or a prompt of messages."""
    noted = entry.fields_of("response").get("metadata")
    if noted is not None and isinstance(noted.value, dict):
        messages = tuple(t for m in noted.items_of("messages") for t in chat_turns(m, "user"))
        if messages and messages[-1].role == "assistant":
            return () if is_exchange(messages) else messages
        history = tuple(turn for pair in noted.items_of("redteamHistory") for turn in _pair(pair))
        if history:
            return history
    asked = parsed(entry.at("prompt").at("raw"))
    if not is_messages(asked.value):
        return ()
    turns = (*chat_turns(asked, "user"), Turn(role="assistant", content=response))
    return () if is_exchange(turns) else turns


def _pair(pair: Node) -> Iterator[Turn]:
    prompt, output = pair.get("prompt"), pair.get("output")
    yield from () if prompt is None else chat_turns(prompt, "user")
    yield from () if output is None else chat_turns(output, "assistant")


def _description(entry: Node) -> str | None:
    described = entry.fields_of("testCase").get("description")
    return None if described is None or described.value is None else described.text()


def _scores(entry: Node, generation: Generation) -> Iterator[Score]:
    parts = entry.fields_of("namedScores")
    # An assertion that broke is no low score: promptfoo writes 2 for errors, 1 for failed checks.
    broken = (reason := entry.get("failureReason")) is not None and reason.value == 2
    failed = _failed_graders(entry)
    for criterion, node in {"score": entry.get("score"), **parts}.items():
        missing = broken or (bool(failed) if criterion == "score" else criterion in failed)
        score = None if missing else number_of(node)
        yield score_of(generation, criterion, score, judge="promptfoo")


def _failed_graders(entry: Node) -> set[str]:
    """Name the metrics of the graders that failed, an empty one for a grader without a metric."""
    graded = entry.get("gradingResult")
    waiting = [] if graded is None else [graded]
    failed: set[str] = set()
    while waiting:
        part = waiting.pop()
        waiting += part.items_of("componentResults")
        error = part.fields_of("metadata").get("graderError")
        if error is not None and error.value:
            metric = part.fields_of("assertion").get("metric")
            failed.add(str(metric.value or "") if metric is not None else "")
    return failed
