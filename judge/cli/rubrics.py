"""`cvalues rubrics`: see what judges are told, check one's own rubrics, compare two."""

import json
import secrets
import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Annotated, cast

import typer
from pydantic import ValidationError

from judge.cli.console import AsJson
from judge.conversation import units
from judge.errors import ConfigError
from judge.files.decoding import counted
from judge.files.row import Row
from judge.grading.judgment_task import single_questions
from judge.grading.pointwise import Forms, tasks
from judge.importers.chat import short_form
from judge.importers.responses import OPTIONAL, REQUIRED, messages_of
from judge.models.base import Message
from judge.records import Generation, Judge
from rubrics import Rubric
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import Criterion

# How rubrics are put before people: described, compared, and as the messages a judge gets.

_LARGEST_ITEM = 4 * 1024 * 1024


def described(rubric: Rubric) -> list[str]:
    """Describe a rubric in lines: what it is for, its criteria with every level, its sources."""
    groups = ", ".join(rubric.groups) or "all groups"
    lines = [
        f"{rubric.id} {rubric.version} ({rubric.language}): {rubric.title}",
        f"digest {rubric_digest(rubric)}",
        f"for {groups}; {counted(len(rubric.examples), 'example')}; judges {_judged(rubric)}",
        rubric.purpose,
    ]
    for criterion in rubric.criteria:
        lines += ["", *_criterion(criterion)]
    if rubric.veto is not None:
        lines += ["", f"veto: {rubric.veto.criterion} at {rubric.veto.level}"]
    for pack in rubric.packs:
        lines += ["", f"principles for {pack.group} ({pack.title}), {pack.source.reference}:"]
        lines += [f"  [{item.source}] {item.text}" for item in pack.items]
    return lines


_UNITS = {
    "reply": "the last reply",
    "each_reply": "each reply for itself",
    "session": "the whole conversation",
}


def _judged(rubric: Rubric) -> str:
    roles = "" if rubric.roles == ("assistant",) else f" (turns of {', '.join(rubric.roles)})"
    return f"{_UNITS[rubric.unit]}{roles}"


def messages(rubric: Rubric, item: Generation) -> tuple[Message, ...]:
    """Make the messages that a judge would get of an item, with a boundary code drawn afresh.

    Where a rubric asks several questions of an item, those of all of them, one after the other.
    """
    asked = rubric.model_copy(update={"groups": ()})
    planned = tasks(units([item], [asked]), Forms([lambda _: asked], [Judge(model="none")]))
    return tuple(
        message
        for task in single_questions(islice(planned, 1))
        for message in task.question(secrets.token_hex(8)).messages
    )


def read_item(path: Path) -> Generation:
    """Read one item from a JSON file: id, prompt, response, and what else a response file has.

    Raises
    ------
    ConfigError
        As `file:line: what; how to fix`.
    """
    values = _json_object(path)
    turns = messages_of(Row(1, values, path))
    known = {name: values[name] for name in (*REQUIRED, *OPTIONAL) if name in values}
    extra = {name: value for name, value in values.items() if name not in known}
    known["messages"] = turns
    if turns:
        known["prompt"], known["response"] = short_form(turns)
    try:
        return Generation.model_validate({**known, "extra": extra})
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field = ".".join(str(key) for key in fault["loc"])
        what = "is missing" if fault["type"] == "missing" else "has the wrong kind of value"
        raise ConfigError(
            f"{path}:1: {field} {what}; an item has id, prompt and response, all text"
        ) from None


def named(rubric: Rubric) -> Mapping[str, str]:
    """Name a rubric and its meaning."""
    return {
        "id": rubric.id,
        "version": rubric.version,
        "language": rubric.language,
        "digest": rubric_digest(rubric),
    }


def _criterion(criterion: Criterion) -> Iterator[str]:
    scale, source = criterion.scale, criterion.source
    line = "" if criterion.threshold is None else f", acceptable from {criterion.threshold}"
    yield f"{criterion.id} ({criterion.title}): {criterion.question}"
    yield f"  {criterion.direction}, weight {criterion.weight:g}{line}"
    if criterion.rule is not None:
        settings = criterion.rule.model_dump_json(exclude_defaults=True)
        yield f"  computed by a rule, no judge is asked: {settings}"
    for anchor in scale.anchors:
        yield f"  {anchor.score:>3}  {anchor.text}"
    note = f" - {source.note}" if source.note else ""
    yield f"  source ({source.kind}): {source.reference}{note}"


def _json_object(path: Path) -> Mapping[str, object]:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_ITEM + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; name a JSON file with one item") from None
    if len(content) > _LARGEST_ITEM:
        raise ConfigError(f"{path}: larger than 4 MiB; give one item")
    try:
        value: object = json.loads(content.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}:{error.lineno}: {error.msg}; write one JSON object") from None
    except (ValueError, RecursionError):
        raise ConfigError(f"{path}:1: not JSON in UTF-8; write one JSON object") from None
    if not isinstance(value, dict):
        raise ConfigError(f"{path}:1: not an object; write one item as {{...}}")
    return cast("Mapping[str, object]", value)


app = typer.Typer(
    name="rubrics",
    help="The rubric library: list, show, lint, diff.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Reference = Annotated[str, typer.Argument(help="Id of a built-in rubric, or a YAML file.")]
Lang = Annotated[str | None, typer.Option(help="Language edition of a built-in rubric: zh or en.")]


@app.command("list")
def list_(json_: AsJson = False) -> None:
    """List the built-in rubrics with their criteria."""
    from judge.cli import console
    from rubrics import list_rubrics

    entries = list_rubrics()
    if json_:
        console.as_json([entry.model_dump(mode="json") for entry in entries])
        return
    rows = [
        {
            "id": entry.id,
            "title": entry.title,
            "languages": ", ".join(entry.languages),
            "criteria": ", ".join(entry.criteria),
        }
        for entry in entries
    ]
    columns = {"id": "Id", "title": "Title", "languages": "Languages", "criteria": "Criteria"}
    console.table(rows, columns)


@app.command()
def show(
    rubric: Reference,
    lang: Lang = None,
    render: Annotated[
        Path | None,
        typer.Option(help="JSON file with one item: print the exact messages that a judge gets."),
    ] = None,
    yaml: Annotated[
        bool, typer.Option("--yaml", help="Print the rubric as a YAML file, to start a new one.")
    ] = False,
    json_: AsJson = False,
) -> None:
    """Show a rubric, or the messages that the judge gets for an item."""
    from judge.cli import console
    from rubrics import load_rubric
    from rubrics.library import fitting, load_editions
    from rubrics.reply_schema import reply_schema
    from rubrics.save import document

    item = read_item(render) if render is not None else None
    chosen = (
        load_rubric(rubric, language=lang)
        if lang
        else fitting(
            load_editions(rubric),
            item.lang if item else None,
            default="en" if item and item.lang else "zh",
        )
    )
    if item is not None:
        sent = messages(chosen, item)
        content = {"messages": [message.model_dump() for message in sent]}
        lines = [line for m in sent for line in (f"--- {m.role} ---", *m.content.split("\n"))]
    else:
        content = {**chosen.model_dump(mode="json"), "digest": rubric_digest(chosen)}
        lines = described(chosen)
    if json_:
        console.as_json({**content, "reply_schema": reply_schema(chosen)})
        return
    if yaml and item is None:
        # Programs read it: no word of it is put into the language of the terminal.
        sys.stdout.write(document(chosen))
        return
    for line in lines:
        console.say(line)


@app.command()
def lint(
    files: Annotated[list[Path], typer.Argument(help="Rubric files.")],
    policy: Annotated[
        bool, typer.Option("--policy", help="The files are release policies.")
    ] = False,
    json_: AsJson = False,
) -> None:
    """Check rubric files in depth; exit code 2 if a file must be corrected."""
    from judge.cli import console

    if policy:
        _lint_policies(files)
        return
    from rubrics.lint import lint as findings_of

    found = [finding for file in files for finding in findings_of(file)]
    if json_:
        console.as_json([finding.as_row() for finding in found])
    broken = [finding for finding in found if finding.rule == "document"]
    for finding in () if json_ else found:
        if finding not in broken:
            console.say(str(finding))
    if broken:
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        console.fail(f"{broken[0]}{more}")
    errors = sum(finding.severity == "error" for finding in found)
    if errors:
        console.fail(f"{errors} of {counted(len(found), 'finding')} must be mended")
    if not json_:
        console.note(f"nothing to mend in {counted(len(files), 'file')}")


def _lint_policies(files: list[Path]) -> None:
    from datetime import UTC, datetime

    from judge.cli import console
    from judge.policy import load_policy

    for file in files:
        load_policy(file, today=datetime.now(UTC).date())
    console.note(f"nothing to mend in {counted(len(files), 'file')}")


@app.command()
def diff(before: Reference, after: Reference, lang: Lang = None, json_: AsJson = False) -> None:
    """Compare two rubrics and mark the changes that can affect scores."""
    from judge.cli import console
    from rubrics import load_rubric
    from rubrics.lint import described_changes
    from rubrics.lint import diff as changes_between

    old, new = (load_rubric(ref, language=lang or "zh") for ref in (before, after))
    changes = changes_between(old, new)
    if json_:
        console.as_json(
            {
                "before": named(old),
                "after": named(new),
                "same_meaning": rubric_digest(old) == rubric_digest(new),
                "changes": [change.model_dump(mode="json") for change in changes],
            }
        )
        return
    for line in described_changes(old, new, changes):
        console.say(line)
