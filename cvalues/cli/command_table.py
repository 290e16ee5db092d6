"""The commands of the program by name, each imported when it is called and not before.

A start costs what its own command needs: `--help` and completion of names import no command.
"""

import importlib
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, NamedTuple

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter


class Entry(NamedTuple):
    """Where a command is, and the line that the list of commands shows."""

    target: str
    """``module:name`` of a function, or of a ``typer.Typer`` with commands of its own."""
    summary: str


COMMANDS: dict[str, Entry] = {
    "demo": Entry("cvalues.cli.demo:demo", "Show the whole process on bundled, simulated data."),
    "run": Entry("cvalues.cli.pipeline:run", "Run all steps that one YAML file describes."),
    "fetch": Entry("cvalues.cli.datasets:fetch", "Download a data set and check it."),
    "generate": Entry("cvalues.cli.generate:generate", "Ask a model under test for responses."),
    "judge": Entry("judge.cli.judge:judge", "Score responses with a judge model."),
    "work": Entry("judge.cli.workers:work", "Work on a run together with other workers."),
    "judge-check": Entry("judge.cli.doctor:judge_check", "Measure a judge's biases by test pairs."),
    "judge-order": Entry("cvalues.cli.analysis:judge_order", "Check scores against known tiers."),
    "mc": Entry("cvalues.cli.mc:mc", "Two-choice test: does a model know the better reply?"),
    "gap": Entry("cvalues.cli.analysis:gap", "Compare what a model knows with what it does."),
    "dif": Entry("cvalues.cli.analysis:dif", "Find items that function differently."),
    "export": Entry("judge.cli.export:export", "Write verdicts, calls, labels or a summary."),
    "import": Entry("judge.cli.export:import_", "Read results of another evaluation tool."),
    "report": Entry("judge.cli.export:report", "Write a run as one offline HTML page."),
    "sample": Entry("judge.cli.labels:sample", "Draw prompts for experts to label."),
    "triage": Entry("judge.cli.triage:triage", "Find the verdicts that need no expert."),
    "annotate": Entry("cvalues.cli.annotate:annotate", "Let experts label in a browser."),
    "calibrate": Entry("judge.cli.calibrate:calibrate", "Measure a judge against expert labels."),
    "plan-labels": Entry("judge.cli.calibrate:plan_labels", "Plan how many labels are needed."),
    "improve": Entry("judge.cli.improve:improve", "Improve a rubric, proven on sealed labels."),
    "compare": Entry("judge.cli.gate:compare", "Compare two releases on the same prompts."),
    "gate": Entry("judge.cli.gate:gate", "Decide whether a release may ship."),
    "verify": Entry("judge.cli.verify:verify", "Check a passport, run or label file."),
    "simulate-judge": Entry("judge.cli.doctor:simulate_judge", "Serve a simulated judge."),
    "doctor": Entry("judge.cli.doctor:doctor", "Show versions, keys that are set, the store."),
    "rubrics": Entry("judge.cli.rubrics:app", "List, show, lint and compare rubrics."),
    "dataset": Entry("cvalues.cli.datasets:app", "Build data sets of collected material."),
    "labels": Entry("judge.cli.labels:app", "Import expert labels."),
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
    return typer.main.get_command(found)


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

    def format_commands(self, ctx: "Context", formatter: "HelpFormatter") -> None:  # noqa: ARG002
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])

    def shell_complete(self, ctx: "Context", incomplete: str) -> list[Any]:
        """Complete the name of a command, or an option of the program."""
        from typer._click.shell_completion import CompletionItem

        named = [
            CompletionItem(name, help=entry.summary)
            for name, entry in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*named, *super(TyperGroup, self).shell_complete(ctx, incomplete)]
