"""The house stands as it was drawn: light imports, small files, whole exports, documented verbs."""

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cvalues.cli.command_table import COMMANDS, load_command

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("judge", "rubrics", "calibration", "cvalues")
HEAVY = (
    "litellm", "instructor", "pandas", "scipy", "sklearn", "starlette",
    "sqlalchemy", "aiohttp", "openpyxl", "krippendorff", "jinja2", "ruamel.yaml",
)  # fmt: skip
MAX_FILE_LINES = 700
MAX_BODY_STATEMENTS = 40


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def loaded_by(code: str) -> set[str]:
    """Run Python code in a fresh process; give the heavy modules that it loaded."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return set(done.stdout.splitlines()[-1].split()) & set(HEAVY)


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_is_light(package: str) -> None:
    assert loaded_by(f"import {package}") == set()


def test_no_command_is_heavy_before_it_runs() -> None:
    code = """
from cvalues.cli.command_table import COMMANDS, load_command
for name in COMMANDS:
    load_command(name)
"""

    assert loaded_by(code) == set()


def test_help_is_light() -> None:
    code = """
import sys
sys.argv = ["cvalues", "judge", "--help"]
try:
    from cvalues.cli import main
    main()
except SystemExit as end:
    assert not end.code, end.code
"""

    assert loaded_by(code) == set()


def test_the_list_of_commands_imports_no_command() -> None:
    code = """
import sys
from typer.main import get_command
from cvalues.cli.command_table import app
get_command(app).main(["--help"], standalone_mode=False)
print(*sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.splitlines()[-1].split())

    assert loaded.isdisjoint(
        {"numpy", "scipy", *(e.target.split(":")[0] for e in COMMANDS.values())}
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_exports_are_sorted_and_whole(package: str) -> None:
    module = importlib.import_module(package)
    exported: list[str] = getattr(module, "__all__", [])

    assert exported == sorted(exported)
    assert all(hasattr(module, name) for name in exported)


def test_no_file_is_a_dumping_ground() -> None:
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in sources()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_FILE_LINES
    }

    assert too_long == {}


def test_no_function_body_is_longer_than_a_screen() -> None:
    too_long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": lines
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and "/cli/" not in str(path)
        and (lines := _body_lines(node)) > MAX_BODY_STATEMENTS
    }

    assert too_long == {}


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a body without its docstring."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_in_the_readme_and_has_help(name: str) -> None:
    assert f"cvalues {name}" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert load_command(name).help


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_list_of_commands_fits_eighty_columns(name: str) -> None:
    assert len(COMMANDS[name].summary) <= 58
    assert COMMANDS[name].summary.endswith((".", "?"))


def test_no_tracked_text_names_a_registry_host() -> None:
    hosts = [
        ".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"))
    ]
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    named = [
        name
        for name in tracked.split("\0")
        if name
        and (path := ROOT / name).is_file()
        and any(host.encode() in path.read_bytes() for host in hosts)
    ]

    assert named == []


NOT_MODULES = frozenset(
    {
        "cvalues.importers",
        "cvalues.models",
        "cvalues.judgments",
        "cvalues.cost",
        "cvalues.tokens",
        "cvalues.events",
    }
)
"""Groups of entry points, and names of counters."""


def texts() -> Iterator[Path]:
    """Give what speaks of modules: sources, documents and the configuration."""
    yield from sources()
    yield from sorted((ROOT / "docs").glob("*.md"))
    yield from sorted(ROOT.glob("*.md"))


def test_what_texts_name_exists() -> None:
    missing: list[str] = []
    for path in texts():
        if path.name == "CHANGELOG.md":  # speaks of what was
            continue
        text = path.read_text(encoding="utf-8")
        dotted = re.findall(rf"`~?((?:{'|'.join(PACKAGES)})(?:\.[a-z_]\w*)+)`", text)
        files = re.findall(rf"`((?:tests|benchmarks|{'|'.join(PACKAGES)})/[\w/.]+)`", text)
        missing += [
            f"{path.relative_to(ROOT)}: {name}"
            for name in {*dotted} - NOT_MODULES
            if not exists(name)
        ]
        missing += [
            f"{path.relative_to(ROOT)}: {name}" for name in {*files} if not (ROOT / name).exists()
        ]

    assert missing == []


def exists(name: str) -> bool:
    """Tell whether a dotted name is a module, or a member of one."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        return count == len(parts) or hasattr(found, parts[count])
    return False
