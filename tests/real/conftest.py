"""Environments of their own for the real tools, built on first use: `make real`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(os.environ.get("CVALUES_REAL", Path(__file__).parents[2] / ".real"))
"""Where the environments stay between runs."""


@pytest.fixture(scope="session")
def home() -> Path:
    HOME.mkdir(exist_ok=True)
    return HOME


def python_with(home: Path, name: str, *packages: str) -> Path:
    """Give the Python of an environment that holds the packages; tests may share one."""
    python, listed = home / name / "bin" / "python", home / name / "packages.txt"
    held = set(listed.read_text("utf-8").split("\n")) if listed.exists() else set[str]()
    if wanted := [package for package in packages if package not in held]:
        uv = shutil.which("uv")
        make = [uv, "venv", "--quiet"] if uv else [sys.executable, "-m", "venv"]
        into = [uv, "pip"] if uv else [python, "-m", "pip"]
        within = ["--python", python] if uv else []
        if not python.exists():
            subprocess.run([*make, home / name], check=True)
        line = [*into, "install", "--quiet", *within, *wanted]
        subprocess.run(line, check=True, timeout=1200)
        listed.write_text("\n".join(sorted({*held, *packages} - {""})), "utf-8")
    return python


def command_of(home: Path, package: str) -> Path:
    """Give the program of an npm package; the test is skipped where there is no npm."""
    program = home / package / "node_modules" / ".bin" / package
    if not program.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not installed")
        subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--prefix", home / package, package],
            check=True,
            timeout=1200,
        )
    return program
