"""The program: its commands, its version, and what all commands share."""

from typing import Annotated

import typer

from cvalues.cli.command_table import CommandTable


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
