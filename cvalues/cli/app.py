"""All commands on one board; each imports what it needs when it is called."""

import typer

from cvalues.cli import dataset
from cvalues.cli.annotate import annotate
from cvalues.cli.demo import demo
from cvalues.cli.dif import dif
from cvalues.cli.fetch import fetch
from cvalues.cli.gap import gap
from cvalues.cli.generate import generate
from cvalues.cli.judge_order import judge_order
from cvalues.cli.mc import mc
from cvalues.cli.run import run
from cvalues.taxonomy import GROUPS
from judge.cli import labels, rubrics
from judge.cli.calibrate import calibrate
from judge.cli.doctor import doctor
from judge.cli.export import export, import_, report
from judge.cli.gating import compare, gate
from judge.cli.improve import improve
from judge.cli.judge_check import judge_check
from judge.cli.judging import judge
from judge.cli.labels import sample
from judge.cli.plan_labels import plan_labels
from judge.cli.simulate import simulate_judge

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
app.command()(judge_check)
app.command()(judge_order)
app.command()(mc)
app.command()(gap)
app.command()(dif)
app.command()(export)
app.command("import")(import_)
app.command()(report)
app.command()(sample)
app.command()(annotate)
app.add_typer(dataset.app)
app.add_typer(labels.app)
app.command()(calibrate)
app.command()(plan_labels)
app.command()(improve)
app.command()(compare)
app.command()(gate)
app.command()(simulate_judge)
app.command()(doctor)
