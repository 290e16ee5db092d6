"""The commands of the program by name, each imported when it is called and not before.

A start costs what its own command needs: `--help` and completion of names import no command.
"""

import importlib
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

from judge.cli.command_line import leave_files_to_readers
from judge.cli.interface import give_help_pages, help_page, shown

if TYPE_CHECKING:
    from typer._click import Command, Context


class Entry(NamedTuple):
    """Where a command is, and the line that the list of commands shows."""

    target: str
    """``module:name`` of a function, or of a ``typer.Typer`` with commands of its own."""
    summary: str
    panel: str
    """Heading under which the list of commands shows it."""


_START = "Judge and report"
_EXPERTS = "Expert labels and calibration"
_RELEASES = "Releases"
_JUDGES = "Rubrics and judges"
_DATA = "Data and models under test"

COMMANDS: dict[str, Entry] = {
    "demo": Entry(
        "cvalues.cli.demo:demo",
        "Run the whole pipeline on bundled, simulated data.",
        _START,
    ),
    "judge": Entry("judge.cli.judge:judge", "Score responses with judge models.", _START),
    "report": Entry(
        "judge.cli.export:report", "Write the report of a run: one offline HTML page.", _START
    ),
    "runs": Entry("judge.cli.runs:app", "List, show and delete runs.", _START),
    "export": Entry(
        "judge.cli.export:export", "Export verdicts, calls, labels or a summary.", _START
    ),
    "run": Entry("cvalues.cli.pipeline:run", "Run a pipeline from one YAML file.", _START),
    "work": Entry(
        "judge.cli.workers:work", "Start a worker on a run that several machines share.", _START
    ),
    "doctor": Entry("judge.cli.doctor:doctor", "Show versions and environment.", _START),
    "sample": Entry("judge.cli.labels:sample", "Sample items for expert labelling.", _EXPERTS),
    "annotate": Entry(
        "cvalues.cli.annotate:annotate",
        "Open a labelling or collection room in a browser.",
        _EXPERTS,
    ),
    "labels": Entry("judge.cli.labels:app", "Import expert labels.", _EXPERTS),
    "scores": Entry("judge.cli.scores:app", "Import scores of other tools as a run.", _EXPERTS),
    "calibrate": Entry(
        "judge.cli.calibrate:calibrate", "Compare judge scores with expert labels.", _EXPERTS
    ),
    "plan-labels": Entry(
        "judge.cli.calibrate:plan_labels", "Estimate the required number of labels.", _EXPERTS
    ),
    "triage": Entry("judge.cli.triage:triage", "Select verdicts that need no expert.", _EXPERTS),
    "compare": Entry(
        "judge.cli.gate:compare", "Compare two releases on the same prompts.", _RELEASES
    ),
    "gate": Entry(
        "judge.cli.gate:gate", "Release gate: pass, fail, or more labels needed.", _RELEASES
    ),
    "verify": Entry("judge.cli.verify:verify", "Check a passport, run or label file.", _RELEASES),
    "rubrics": Entry("judge.cli.rubrics:app", "List, show, lint and compare rubrics.", _JUDGES),
    "improve": Entry("judge.cli.improve:improve", "Improve a rubric with expert labels.", _JUDGES),
    "judge-check": Entry(
        "judge.cli.doctor:judge_check", "Measure how wording and layout change verdicts.", _JUDGES
    ),
    "judge-order": Entry(
        "cvalues.cli.analysis:judge_order", "Test scores against replies of known order.", _JUDGES
    ),
    "simulate-judge": Entry(
        "judge.cli.doctor:simulate_judge", "Serve a simulated judge over HTTP.", _JUDGES
    ),
    "generate": Entry(
        "cvalues.cli.generate:generate", "Generate responses of a model under test.", _DATA
    ),
    "mc": Entry(
        "cvalues.cli.mc:mc", "Multiple-choice test: is the better reply recognised?", _DATA
    ),
    "gap": Entry(
        "cvalues.cli.analysis:gap", "Compare multiple-choice accuracy with behaviour.", _DATA
    ),
    "dif": Entry(
        "cvalues.cli.analysis:dif", "Differential item functioning of two settings.", _DATA
    ),
    "fetch": Entry("cvalues.cli.datasets:fetch", "Download a data set and check it.", _DATA),
    "import": Entry(
        "judge.cli.export:import_", "Convert results of another evaluation tool.", _DATA
    ),
    "dataset": Entry("cvalues.cli.datasets:app", "Build data sets and judge tests.", _DATA),
}
"""In the order of the list."""


def load_command(name: str) -> "Command":
    """Import a command.

    Raises
    ------
    KeyError
        If there is none of the name.
    """
    module, _, attribute = COMMANDS[name].target.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(name)(found)
        found = single
    command = typer.main.get_command(found)
    give_help_pages(command)
    leave_files_to_readers(command)
    return command


class _Commands(MutableMapping[str, Any]):
    """The group's commands: all names at once, each command when it is asked for."""

    def __getitem__(self, name: str) -> "Command":
        return load_command(name)

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)

    def __setitem__(self, name: str, command: object) -> None:
        raise TypeError("commands are declared in COMMANDS")

    def __delitem__(self, name: str) -> None:
        raise TypeError("commands are declared in COMMANDS")


class CommandTable(TyperGroup):
    """The program's group of commands, read from the table."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Commands()

    def list_commands(self, ctx: "Context") -> list[str]:  # noqa: ARG002 - the signature of click
        """Give the names in the table's order."""
        return list(COMMANDS)

    def get_help(self, ctx: "Context") -> str:
        """Write the page of help: the commands by panel, without importing them."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name, entry in COMMANDS.items():
            panels.setdefault(entry.panel, []).append((name, shown(entry.summary)))
        return help_page(self, ctx, panels)

    def shell_complete(self, ctx: "Context", incomplete: str) -> list[Any]:
        """Complete the name of a command, or an option of the program."""
        from typer._click.shell_completion import CompletionItem

        named = [
            CompletionItem(name, help=entry.summary)
            for name, entry in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*named, *super(TyperGroup, self).shell_complete(ctx, incomplete)]


# The program: its commands, its version, and what all commands share.


def _group_names() -> dict[str, tuple[str, str]]:
    from cvalues.taxonomy import group_names

    return group_names()


app = typer.Typer(
    name="cvalues",
    cls=CommandTable,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "obj": _group_names,
    },
)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"cvalues {version('cvalues')}")
        raise typer.Exit


@app.callback()
def cvalues(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
    ui: Annotated[
        str | None,
        typer.Option(
            help="Language of the terminal: en or zh; default: CVALUES_UI, else the locale."
        ),
    ] = None,
    log_json: Annotated[
        bool,
        typer.Option(
            "--log-json",
            help="One JSON line an event on standard error, or in a file: --log-json=FILE; "
            "default: CVALUES_LOG (json or json:FILE).",
        ),
    ] = False,
) -> None:
    """Score model responses with judge models, calibrate the judges against experts, gate releases.

    First steps: cvalues demo. Guides: docs/index.md.
    """
    # All were heeded before anything else was read, so that they may stand anywhere.
    del version, ui, log_json
