"""All commands on one board; each imports what it needs when it is called."""

import typer

from judge.cli.judging import judge
from judge.cli.simulate import simulate_judge

app = typer.Typer(
    name="cvalues",
    help="Judge answers on safety and responsibility, calibrate the judge, gate the release.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(judge)
app.command()(simulate_judge)
