"""`cvalues rubrics`: see what judges are told, check one's own rubrics, compare two."""

from pathlib import Path
from typing import Annotated

import typer

from judge.cli.options import AsJson

app = typer.Typer(
    name="rubrics",
    help="The rubric library: list, show, lint, diff.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Reference = Annotated[str, typer.Argument(help="Id of a built-in rubric, or a YAML file.")]
Lang = Annotated[str | None, typer.Option(help="Edition of a built-in rubric: zh or en.")]


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
        typer.Option(help="JSON file with one item: print the very messages a judge would get."),
    ] = None,
    json_: AsJson = False,
) -> None:
    """Show a rubric, or the messages that it makes of an item."""
    from judge.cli import console
    from judge.cli.rubric_views import described, messages, read_item
    from rubrics import load_rubric
    from rubrics.reply_schema import reply_schema

    item = read_item(render) if render is not None else None
    chosen = load_rubric(rubric, language=lang or (item.lang if item else None) or "zh")
    if item is not None:
        sent = messages(chosen, item)
        content = {"messages": [message.model_dump() for message in sent]}
        lines = [line for m in sent for line in (f"--- {m.role} ---", *m.content.split("\n"))]
    else:
        content = {**chosen.model_dump(mode="json"), "digest": chosen.digest}
        lines = described(chosen)
    if json_:
        console.as_json({**content, "reply_schema": reply_schema(chosen)})
        return
    for line in lines:
        console.say(line)


@app.command()
def lint(
    files: Annotated[list[Path], typer.Argument(help="Rubric files.")], json_: AsJson = False
) -> None:
    """Check rubric files more deeply than loading does; exit code 2 if there is one to mend."""
    from judge.cli import console
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
        console.fail(f"{errors} of {len(found)} findings must be mended")
    if not json_:
        console.note(f"nothing to mend in {len(files)} files")


@app.command()
def diff(before: Reference, after: Reference, lang: Lang = None, json_: AsJson = False) -> None:
    """Tell what changed between two rubrics, and which changes can move a score."""
    from judge.cli import console
    from judge.cli.rubric_views import compared, named
    from rubrics import load_rubric
    from rubrics.lint import diff as changes_between

    old, new = (load_rubric(ref, language=lang or "zh") for ref in (before, after))
    changes = changes_between(old, new)
    if json_:
        console.as_json(
            {
                "before": named(old),
                "after": named(new),
                "same_meaning": old.digest == new.digest,
                "changes": [change.model_dump(mode="json") for change in changes],
            }
        )
        return
    for line in compared(old, new, changes):
        console.say(line)
