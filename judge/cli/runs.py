"""`cvalues runs`: which runs a store holds, what is known of one, and how to delete it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.completion import complete_run
from judge.cli.console import AsJson, StoreOption
from judge.files.decoding import counted

if TYPE_CHECKING:
    from judge.store.records import Run
    from judge.store.store import Store

app = typer.Typer(name="runs", help="Runs of a store: list, show, delete.", rich_markup_mode=None)

RunArgument = Annotated[str, typer.Argument(help="Name of the run.", autocompletion=complete_run)]


@app.callback(invoke_without_command=True)
def runs(context: typer.Context, store: StoreOption = None, json_: AsJson = False) -> None:
    """List, show and delete the runs of a store."""
    if context.invoked_subcommand is None:
        list_(store, json_)


@app.command("list")
def list_(store: StoreOption = None, json_: AsJson = False) -> None:
    """List the runs of a store, newest first."""
    from judge.cli import console
    from judge.cli.console import opened

    place = console.store_address(store)
    rows: list[dict[str, object]] = []
    # A store that is not there is not made: to look is not to write.
    if "://" in place or Path(place).exists():
        with opened(store) as kept:
            rows = [_row(kept, run) for run in reversed(kept.runs())]
    if json_:
        console.as_json(rows)
    elif not rows:
        console.note(f"no runs in {place}")
    else:
        columns = ("run", "kind", "made", "judge", "rubrics", "judgments", "labels")
        console.table(rows, {name: name for name in columns})


def _row(store: "Store", run: "Run") -> dict[str, object]:
    manifest = run.manifest
    outcomes = store.outcomes(run)
    return {
        "run": run.name,
        "kind": manifest.kind,
        "made": run.created_at[:16].replace("T", " "),
        "source": manifest.source.name,
        "judge": ", ".join(judge.name for judge in manifest.judges) or None,
        "rubrics": ", ".join(dict.fromkeys(each.rubric for each in manifest.rubrics)) or None,
        "planned": manifest.planned,
        "judgments": sum(outcomes.values()),
        "labels": sum(1 for _ in store.labels(run)),
        "outcomes": ", ".join(f"{name} {count}" for name, count in sorted(outcomes.items())),
    }


@app.command("show")
def show(run: RunArgument, store: StoreOption = None, json_: AsJson = False) -> None:
    """Show what is known of a run: judge, rubrics, counts, cost, samples, labels."""
    from judge.cli import console
    from judge.cli.console import opened, run_named
    from judge.store.run_contents import samples_of

    with opened(store) as kept:
        found = run_named(kept, run)
        calls, usd = kept.spent(found)
        row, drawn = _row(kept, found), samples_of(kept, found)
    samples = [
        {"name": each.name, "items": len(each.items), "design": each.design} for each in drawn
    ]
    facts = {**row, "calls": calls, "cost_usd": usd or None}
    if json_:
        console.as_json({**facts, "samples": samples})
        return
    named = [f"{each['name']} ({each['items']}, {each['design']})" for each in samples]
    for name, value in {**facts, "samples": ", ".join(named) or None}.items():
        console.say(f"{name}: {'-' if value is None else value}")


@app.command("delete")
def delete(
    run: RunArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    store: StoreOption = None,
) -> None:
    """Delete a run with its verdicts, calls, labels and labelling room, after a question.

    Export it first to keep it: cvalues export RUN --what run --out FILE.db. Openings of sealed
    labels stay on record.
    """
    from judge.cli import console
    from judge.cli.console import opened, run_named
    from judge.store.removal import delete_run

    with opened(store) as kept:
        found = run_named(kept, run)
        judgments = counted(sum(kept.outcomes(found).values()), "judgment")
        labels = counted(sum(1 for _ in kept.labels(found)), "label")
        question = f"Delete run {run} with {judgments} and {labels}?"
        if not (yes or console.confirmed(question)):
            console.fail(f"run {run} was not deleted", code=console.BAD_INPUT)
        delete_run(kept, found)
    console.say(f"deleted run {run}")
