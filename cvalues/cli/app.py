"""All commands on one board; each imports what it needs when it is called."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cvalues.cli import datasets
from cvalues.cli.analysis import dif, gap, judge_order
from cvalues.cli.annotate import annotate
from cvalues.cli.datasets import fetch
from cvalues.cli.generate import generate
from cvalues.cli.mc import mc
from cvalues.taxonomy import GROUPS
from judge.cli import labels, rubrics
from judge.cli.calibrate import calibrate, plan_labels
from judge.cli.doctor import doctor, judge_check, simulate_judge
from judge.cli.export import export, import_, report
from judge.cli.gate import compare, gate
from judge.cli.improve import improve
from judge.cli.judge import judge
from judge.cli.labels import sample
from judge.cli.triage import triage
from judge.cli.verify import verify
from judge.cli.workers import work

# `cvalues demo`: the whole road in one command.


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the store and the page.")] = Path(
        "cvalues-demo"
    ),
) -> None:
    """Judge the bundled starter set with a simulated judge, and write a page.

    Needs no key and no network. Everything it makes is stamped SIMULATED.
    """
    from cvalues import demo as steps
    from judge.cli import console
    from judge.cli.console import opened
    from judge.simulated.server import simulated_server

    begun = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    console.say("SIMULATED: a demonstration with a simulated judge; no finding about any model.")
    name = datetime.now(UTC).strftime("demo-%Y%m%d-%H%M%S")
    with simulated_server(steps.planted_profile()) as server:
        judged = steps.judge(name, server.base_url, out)
        asked = steps.ask_choices(name, server.base_url, out)
    with opened(str(out / "store.db")) as store:
        page = steps.gate(store, judged, steps.believe(store, judged, out), out=out)
        page = steps.hold_knowing_against_doing(page, judged, asked)
        steps.write(page, out)
    console.say(f"page: {(out / 'report.html').resolve().as_uri()}")
    console.say(f"took {time.monotonic() - begun:.1f} s")


# `cvalues run`: a whole run from one file.


def run(
    config: Annotated[Path, typer.Argument(help="The pipeline, a YAML file; see docs/run.md.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the commands and run none.")
    ] = False,
) -> None:
    """Generate, judge, check comprehension, calibrate, and report, as one file says.

    Prints each command before it runs it. Called again it resumes: each step has a run of its own.
    """
    import json
    import shlex

    from cvalues.pipeline import Pipeline, commands
    from judge.cli import console
    from judge.files.atomic import write_whole
    from rubrics.load import load_as

    pipeline = load_as(Pipeline, config)
    folder = Path(pipeline.out)
    if not dry_run:
        folder.mkdir(parents=True, exist_ok=True)
    steps: list[dict[str, object]] = []
    for words in commands(pipeline):
        console.note(f"$ {shlex.join(['cvalues', *words])}")
        if dry_run:
            continue
        code = _code(app, words)
        steps.append({"command": list(words), "exit_code": code})
        manifest = {"name": pipeline.name, "config": pipeline.model_dump(), "steps": steps}
        text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
        write_whole(folder / "manifest.json", text)
        if code:
            again = shlex.join(["cvalues", "run", str(config)])
            console.note(f"stopped with exit code {code}; go on with: {again}")
            raise SystemExit(code)


def _code(app: typer.Typer, words: tuple[str, ...]) -> int:
    """Run one command as if it had been typed."""
    from judge.cli.console import guarded

    return guarded(lambda: app(list(words)))


app = typer.Typer(
    name="cvalues",
    help="Judge answers on safety and responsibility, calibrate the judge, gate the release.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={
        "help_option_names": ["-h", "--help"],
        # Pages call groups by these names.
        "obj": {group.key: (group.name_zh, group.name_en) for group in GROUPS},
    },
)

app.command()(demo)
app.command()(run)
app.add_typer(rubrics.app)
app.command()(fetch)
app.command()(generate)
app.command()(judge)
app.command()(work)
app.command()(judge_check)
app.command()(judge_order)
app.command()(mc)
app.command()(gap)
app.command()(dif)
app.command()(export)
app.command("import")(import_)
app.command()(report)
app.command()(sample)
app.command()(triage)
app.command()(annotate)
app.add_typer(datasets.app)
app.add_typer(labels.app)
app.command()(calibrate)
app.command()(plan_labels)
app.command()(improve)
app.command()(compare)
app.command()(gate)
app.command()(verify)
app.command()(simulate_judge)
app.command()(doctor)
