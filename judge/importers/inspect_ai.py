"""Logs of inspect_ai in its JSON format (log version 2).

A log of the ``.eval`` format is first turned into JSON with
``inspect log convert FILE.eval --to json --output-dir DIR``. Field names are those that its
manual gives for EvalLog, https://inspect.aisi.org.uk/eval-logs.html.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from judge.conversation import is_exchange, last_reply
from judge.files.decoding import Place, clipped
from judge.files.read import Node, read_document
from judge.importers.base import (
    Collected,
    Imported,
    Score,
    chat_text,
    name_of,
    number_of,
    question,
    score_of,
)
from judge.importers.chat import chat_turns
from judge.records import Generation

_LETTERS = {"C": 1.0, "P": 0.5, "I": 0.0}
"""What the tool's own scorers write for correct, partly correct and incorrect. Its fourth
letter, N for no answer, and every other text are missing scores here, not zeros."""


def read_inspect(path: str | Path, *, system: str | None = None) -> Imported:
    """Read a log's samples as generations and its scores, epochs as samples from 0.

    Parameters
    ----------
    path : str or Path
        A JSON log.
    system : str, optional
        Name of the model under test; otherwise the model that the log names.

    Raises
    ------
    TableError
        If the file is no such log.
    """
    if Path(path).suffix.lower() == ".eval":
        raise Place(Path(path)).error(
            "'.eval' logs are not read here", "convert it: inspect log convert FILE --to json"
        )
    log = read_document(path)
    about = log.at("eval")
    found = Collected()
    run = _Run(system or about.at("model").text(), about.at("task").text())
    status = log.get("status")
    if status is not None and status.value != "success":
        error = log.fields_of("error").get("message")
        why = "" if error is None else f": {clipped(str(error.value), 200)}"
        found.leave_out(status, f"the run ended as {status.value!r}{why}")
    for sample in log.items_of("samples"):
        _read_sample(sample, run, found)
    return found.all()


@dataclass(frozen=True, slots=True)
class _Run:
    system: str
    task: str


def _read_sample(sample: Node, run: _Run, found: Collected) -> None:
    response = _response(sample)
    if response is None:
        error = sample.fields_of("error").get("message")
        why = "" if error is None else f": {clipped(str(error.value), 200)}"
        found.leave_out(sample, f"no response, as the tool or the model failed{why}")
        return
    target = sample.get("target")
    turns = tuple(turn for node in sample.items_of("messages") for turn in chat_turns(node, "user"))
    generation = Generation(
        messages=turns if last_reply(turns) is not None and not is_exchange(turns) else (),
        id=name_of(sample.at("id")),
        prompt=question(sample.at("input")),
        response=response,
        system=run.system,
        sample=_epoch(sample),
        group=run.task,
        reference=None if target is None else chat_text(target),
    )
    found.keep(sample, generation)
    for scorer, score in sample.fields_of("scores").items():
        found.score(score, _scores(scorer, score.at("value"), generation))


def _response(sample: Node) -> str | None:
    output = sample.get("output")
    first = None if output is None else next(output.items_of("choices"), None)
    return None if first is None else chat_text(first.at("message"))


def _epoch(sample: Node) -> int:
    epoch = sample.get("epoch")
    if epoch is None:
        return 0
    if not isinstance(epoch.value, int) or epoch.value < 1:
        raise epoch.error("is no epoch", "epochs count from 1")
    return epoch.value - 1


def _scores(scorer: str, value: Node, generation: Generation) -> Iterator[Score]:
    parts = {scorer: value}
    if isinstance(value.value, dict):
        parts = {f"{scorer}.{name}": part for name, part in value.fields().items()}
    for criterion, part in parts.items():
        letter = _LETTERS.get(part.value) if isinstance(part.value, str) else None
        score = number_of(part) if letter is None else letter
        yield score_of(generation, criterion, score, judge="inspect_ai")
