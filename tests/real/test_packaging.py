"""What is shipped works outside the checkout: wheel, sdist, and the steps of the Dockerfile."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.real.conftest import python_with

pytestmark = [pytest.mark.slow, pytest.mark.real]

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str | Path, folder: Path, **environ: str) -> str:
    """Run a program to its end; its output is in the failure."""
    done = subprocess.run(
        words, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True,
        check=False, timeout=1200,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the files of the last commit, and no others."""
    folder = tmp_path_factory.mktemp("source") / "cvalues"
    run("git", "clone", "--quiet", ROOT, folder, folder=ROOT)
    return folder


@pytest.fixture(scope="module")
def built(home: Path, source: Path) -> Path:
    """Build the wheel and the sdist."""
    python = python_with(home, "build", "build", "twine")
    run(python, "-m", "build", "--outdir", "dist", folder=source)
    return source / "dist"


def test_both_distributions_satisfy_the_index(home: Path, built: Path) -> None:
    python = python_with(home, "build", "build", "twine")

    run(python, "-m", "twine", "check", "--strict", *built.iterdir(), folder=built)


@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_a_distribution_runs_the_demonstration_outside_the_checkout(
    built: Path, tmp_path: Path, kind: str
) -> None:
    run(sys.executable, "-m", "venv", "venv", folder=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", *built.glob(kind), folder=tmp_path)

    told = run(tmp_path / "venv" / "bin" / "cvalues", "demo", folder=tmp_path, PYTHONPATH="")

    assert "DEMO ONLY (simulated)" in told
    assert (tmp_path / "cvalues-demo" / "report.html").is_file()


def test_the_steps_of_the_dockerfile_give_a_program(source: Path, tmp_path: Path) -> None:
    """Follow the first stage: copy what it copies, run what it runs, in folders of this test."""
    prefix = tmp_path / "opt"
    stage = (source / "Dockerfile").read_text(encoding="utf-8").split("FROM ")[1]
    for line in stage.splitlines()[1:]:
        step, _, rest = line.partition(" ")
        if step == "COPY":
            *what, where = rest.split()
            for name in what:
                copied = tmp_path / "src" / ("" if where == "./" else where)
                copied.mkdir(parents=True, exist_ok=True)
                if (source / name).is_dir():
                    shutil.copytree(source / name, copied, dirs_exist_ok=True)
                else:
                    shutil.copy(source / name, copied)
        elif step == "RUN":
            words = shlex.split(rest.replace("/opt/cvalues", str(prefix)))
            words[0] = sys.executable if words[0] == "python" else words[0]
            run(*words, folder=tmp_path / "src")

    assert run(prefix / "bin" / "cvalues", "--version", folder=tmp_path).startswith("cvalues 0.")
    run(prefix / "bin" / "cvalues", "demo", folder=tmp_path)


@pytest.mark.parametrize("pip", ["23.0", "24.0", "26.1"])
@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_old_and_new_pips_take_the_locks(home: Path, pip: str, lock: str, tmp_path: Path) -> None:
    python = python_with(home, f"pip-{pip}", f"pip=={pip}")

    install = [python, "-m", "pip", "install", "--quiet", "--dry-run", "--require-hashes"]
    run(*install, "-r", ROOT / lock, folder=tmp_path)
