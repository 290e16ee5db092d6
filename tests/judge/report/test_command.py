"""`cvalues report` through the console script."""

from pathlib import Path

import typer
from typer.testing import CliRunner

from judge.cli.export import report
from tests.cli.program import program
from tests.judge.report.runs import Shape, judged_run, store_at


def test_a_run_becomes_a_page(tmp_path: Path) -> None:
    judged_run(store_at(tmp_path), Shape(name="nightly"))

    ended = program(
        "report", "nightly", "--out", "page.html", "--lang", "zh", "--store", "report.db",
        folder=tmp_path,
    )  # fmt: skip

    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"page: {(tmp_path / 'page.html').as_uri()}\n"
    assert '<html lang="zh" data-lang="zh">' in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_run_that_is_not_there_is_named(tmp_path: Path) -> None:
    judged_run(store_at(tmp_path), Shape(name="nightly"))

    ended = program(
        "report", "nightly2", "--out", "page.html", "--store", "report.db", folder=tmp_path
    )

    assert ended.code == 2
    assert "did you mean 'nightly'?" in ended.err
    assert not (tmp_path / "page.html").exists()


def test_a_language_that_is_not_known_is_refused(tmp_path: Path) -> None:
    ended = program("report", "x", "--out", "page.html", "--lang", "fr", folder=tmp_path)

    assert (ended.code, ended.err) == (2, "--lang 'fr' is not known; use zh, en.\n")


def test_a_baseline_that_was_not_judged_is_refused(tmp_path: Path) -> None:
    judged_run(store_at(tmp_path), Shape(name="nightly"))

    ended = program(
        "report", "nightly", "--out", "p.html", "--baseline", "v9", "--store", "report.db",
        folder=tmp_path,
    )  # fmt: skip

    assert (ended.code, ended.err) == (2, "baseline 'v9' was not judged; it has v1, v2.\n")


def test_names_of_groups_come_from_the_program_that_mounts_the_command(tmp_path: Path) -> None:
    judged_run(store_at(tmp_path), Shape(name="nightly"))
    app = typer.Typer(context_settings={"obj": lambda: {"law": ("法理学", "Law and order")}})
    app.command()(report)
    app.command()(lambda: None)

    done = CliRunner().invoke(
        app,
        [
            "report",
            "nightly",
            "--out",
            str(tmp_path / "p.html"),
            "--store",
            str(tmp_path / "report.db"),
        ],
    )

    assert done.exit_code == 0
    assert "Law and order" in (tmp_path / "p.html").read_text(encoding="utf-8")
