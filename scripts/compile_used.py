"""Import what the commands use, so that Python keeps those modules compiled.

Installing compiles nothing (see install.sh): without this step the first command of each kind
would compile its modules while its user waits.
"""

import importlib

from cvalues.cli.command_table import COMMANDS
from judge.models.litellm import load_litellm

for entry in COMMANDS.values():
    importlib.import_module(entry.target.partition(":")[0])
for module in ("judge.report.build", "judge.report.page", "judge.gate.decision", "pandas"):
    importlib.import_module(module)
for module in ("judge.simulated.server", "judge.store.store", "scipy.stats", "openpyxl"):
    importlib.import_module(module)
load_litellm()
