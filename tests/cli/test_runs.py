"""Runs of a store: listed, shown, deleted after a question; and what a shell completes."""

import json
from pathlib import Path

import pytest

from judge.cli.completion import complete_rubric, complete_run
from judge.simulated.server import simulated_server
from judge.store.store import open_store
from tests.cli.program import Ended, program
from tests.cli.runs import KEY, judging, responses


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with simulated_server() as server:
        line = judging(responses(tmp_path, 6), server.base_url)
        assert program(*line, folder=tmp_path, environ=KEY).code == 0
    return tmp_path


def run(folder: Path, *words: str) -> Ended:
    return program("runs", *words, folder=folder)


def test_a_store_that_is_not_there_has_no_runs_and_is_not_made(tmp_path: Path) -> None:
    ended = run(tmp_path, "list")

    assert (ended.code, ended.out) == (0, "")
    assert "no runs in" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_runs_are_listed_and_one_is_shown(folder: Path) -> None:
    listed = json.loads(run(folder, "--json").out)
    shown = run(folder, "show", "r")

    assert [(row["run"], row["judgments"], row["labels"]) for row in listed] == [("r", 6, 0)]
    assert "rubrics: safety" in shown.out
    assert "calls: 6" in shown.out


def test_a_run_is_deleted_only_when_somebody_says_so(folder: Path) -> None:
    asked = run(folder, "delete", "r")
    assert (asked.code, "was not deleted" in asked.err) == (2, True)

    assert run(folder, "delete", "r", "--yes").out == "deleted run r\n"

    store = open_store(str(folder / "store.db"))
    assert store.runs() == ()
    store.close()
    assert run(folder, "show", "r").code == 2


def test_the_page_of_a_run_has_a_name_of_its_own(folder: Path) -> None:
    ended = program("report", "r", folder=folder)

    assert ended.code == 0, ended.err
    assert (folder / "r.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_shell_completes_runs_and_rubrics(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CVALUES_STORE", str(folder / "store.db"))

    assert complete_run("") == ["r"]
    assert complete_run("x") == []
    assert {"safety,refusal", "safety,response-tier"} <= set(complete_rubric("safety,re"))
    assert complete_rubric("safety,x") == []


def test_a_shell_completes_nothing_where_there_is_no_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CVALUES_STORE", str(tmp_path / "none.db"))

    assert complete_run("") == []
