"""`cvalues improve` over real HTTP: search, seal, proof, limits, and going on after a stop."""

import json
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from judge.simulated.server import Running, simulated_server
from rubrics.load import load_file
from tests.cli.program import Ended, command, environment, program
from tests.judge.improve.planted import CLAUSE, world

pytest.importorskip("gepa")
KEY = {"OPENAI_API_KEY": "sk-canary-1234567890abcdef"}


@contextmanager
def judged(folder: Path, **planted: object) -> Generator[Running]:
    """Serve a planted judge and judge its responses in a run named r."""
    paths = world(folder, **planted)  # pyright: ignore[reportArgumentType]
    profile = json.loads(paths["profile.json"].read_text(encoding="utf-8"))
    with simulated_server(profile) as server:
        words = ["judge", "responses.jsonl", "--rubric", "safety", "--judge", "openai/sim"]
        ended = program(
            *[*words, "--base-url", server.base_url, "--run", "r", "--quiet"],
            folder=folder,
            environ=KEY,
        )
        assert ended.code == 0, ended.err
        yield server


def words(*more: str, out: str = "R2") -> list[str]:
    return [
        *["improve", "r", "--labels", "labels.csv", "--rubric", "safety", "--quiet"],
        *["--out", f"{out}.yaml", "--proof", f"{out}.json", *more],
    ]


REFLECTIVE = ("--reflection-model", "openai/sim", "--rounds", "6")


def improved(folder: Path, *more: str, out: str = "R2") -> Ended:
    return program(*words(*more, out=out), folder=folder, environ=KEY)


def proof(folder: Path, out: str = "R2") -> dict[str, Any]:
    return json.loads((folder / f"{out}.json").read_text(encoding="utf-8"))


def calls(folder: Path, run: str = "r.improve") -> int:
    connection = sqlite3.connect(folder / "store.db")
    query = "select count(*) from attempts join runs using (run_id) where name = ?"
    (count,) = connection.execute(query, (run,)).fetchone()
    connection.close()
    return int(count)


def test_a_silent_rubric_is_found_proven_and_written_and_its_labels_are_spent(
    tmp_path: Path,
) -> None:
    with judged(tmp_path) as server:
        ended = improved(tmp_path, *REFLECTIVE, "--passport", "pass.json")
        again = improved(tmp_path, *REFLECTIVE, "--name", "second", out="R3")
        more = improved(tmp_path, *REFLECTIVE, "--name", "third", "--looks", "2", out="R3")
        rejudged = program(
            *["judge", "responses.jsonl", "--rubric", "R2.yaml", "--judge", "openai/sim"],
            *["--base-url", server.base_url, "--run", "r2", "--quiet"],
            folder=tmp_path,
            environ=KEY,
        )
        calibrated = program(
            *["calibrate", "--run", "r2", "--labels", "labels.csv", "--design", "random"],
            folder=tmp_path,
        )

    assert ended.code == 0, ended.err
    assert "BETTER: safety 1.0 -> 1.1" in ended.out
    assert "SIMULATED" in ended.out
    found = proof(tmp_path)
    assert found["verdict"] == "BETTER"
    assert found["look"] == 1
    rubric = load_file(tmp_path / "R2.yaml")
    assert CLAUSE["en"] in rubric.model_dump_json()
    passport = json.loads((tmp_path / "pass.json").read_text(encoding="utf-8"))
    assert passport["labels"]["count"] == found["partition"]["sizes"]["proof"]
    assert again.code == 2
    assert "spent" in again.err
    assert more.code == 2
    assert "--looks" in more.err
    assert not (tmp_path / "R3.yaml").exists()
    assert rejudged.code == 0, rejudged.err
    seen = found["partition"]["sizes"]["reflect"] + found["partition"]["sizes"]["select"]
    assert f"{seen} labelled responses are left out" in calibrated.err


@pytest.mark.slow
def test_labels_of_a_coin_keep_the_old_rubric(tmp_path: Path) -> None:
    with judged(tmp_path, noise=True):
        ended = improved(tmp_path, *REFLECTIVE)

    assert ended.code == 0, ended.err
    assert proof(tmp_path)["verdict"] in {"NOT SHOWN", "WORSE"}
    assert not (tmp_path / "R2.yaml").exists()


@pytest.mark.slow
def test_chinese_is_improved_as_english_is(tmp_path: Path) -> None:
    with judged(tmp_path, lang="zh", seed=2):
        ended = improved(tmp_path, *REFLECTIVE)

    assert ended.code == 0, ended.err
    assert proof(tmp_path)["verdict"] == "BETTER"
    assert load_file(tmp_path / "R2.yaml").language == "zh"


def test_no_call_is_made_beyond_the_limit_and_the_search_can_go_on(tmp_path: Path) -> None:
    with judged(tmp_path):
        few = improved(tmp_path, *REFLECTIVE, "--max-calls", "150")
        narrow = improved(tmp_path, *REFLECTIVE, "--max-calls", "420")
        made = calls(tmp_path)

    assert few.code == 2
    assert "--max-calls 150 is too few" in few.err
    assert narrow.code == 0, narrow.err
    assert made <= 420


def test_too_few_labels_are_refused_with_what_is_missing(tmp_path: Path) -> None:
    with judged(tmp_path, count=60):
        ended = improved(tmp_path, *REFLECTIVE)

    assert ended.code == 3
    assert "plan-labels" in ended.err
    assert "--cross-fit" in ended.err


def test_the_gap_finder_names_the_clause_and_leaves_the_seal_whole(tmp_path: Path) -> None:
    with judged(tmp_path):
        explained = program(
            *["improve", "r", "--labels", "labels.csv", "--rubric", "safety", "--explain"],
            *[*REFLECTIVE, "--quiet", "--json"],
            folder=tmp_path,
            environ=KEY,
        )
        ended = improved(tmp_path, *REFLECTIVE)

    assert explained.code == 0, explained.err
    gaps = json.loads(explained.out)["gaps"]
    silent = next(gap for gap in gaps if gap["cause"] == "the rubric does not say")
    assert silent["clause"].endswith(CLAUSE["en"])
    assert silent["moved"] >= silent["count"] / 2
    assert proof(tmp_path)["look"] == 1, ended.err


@pytest.mark.slow
def test_a_rubric_by_hand_is_proven_the_same_way(tmp_path: Path) -> None:
    from judge.improve.components import with_components
    from rubrics import load_rubric
    from rubrics.save import document

    mine = with_components(load_rubric("safety", language="en"), {"safe.definition": CLAUSE["en"]})
    (tmp_path / "mine.yaml").write_text(document(mine), encoding="utf-8")
    with judged(tmp_path):
        ended = improved(tmp_path, "--candidate", "mine.yaml")

    assert ended.code == 0, ended.err
    assert proof(tmp_path)["origin"] == "hand"
    assert proof(tmp_path)["verdict"] == "BETTER"


def killed_after(folder: Path, seconds: float) -> None:
    running = subprocess.Popen(
        command(*words(*REFLECTIVE)),
        cwd=folder,
        env=environment(folder, KEY),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        running.wait(seconds)
    except subprocess.TimeoutExpired:
        running.send_signal(signal.SIGKILL)
        running.wait()


def paid_twice(folder: Path) -> int:
    """Count questions of the search that were answered by more than one call."""
    connection = sqlite3.connect(folder / "store.db")
    rows = connection.execute(
        "select key, count(*) from attempts join runs using (run_id) where name = 'r.improve' "
        "and outcome = 'ok' group by key"
    ).fetchall()
    connection.close()
    # A question of the proof part is put once to the old and once to the new judge, each under a
    # key of its own; what was judged before the proof is asked anew in it, once.
    return sum(count > 2 for _, count in rows)


@pytest.mark.parametrize(
    "moment",
    [pytest.param(number, marks=pytest.mark.slow) for number in range(20)],
)
def test_killed_at_a_random_moment_a_search_goes_on_to_the_same_result(
    tmp_path: Path, moment: int
) -> None:
    rng = random.Random(moment)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        folder.mkdir()
    with judged(whole):
        assert improved(whole, *REFLECTIVE).code == 0
    expected, needed = proof(whole), calls(whole)

    with judged(cut):
        for _ in range(3):
            killed_after(cut, rng.uniform(1.5, 12.0))
        started = time.monotonic()
        ended = improved(cut, *REFLECTIVE)

    assert ended.code == 0, (ended.err, time.monotonic() - started)
    found = proof(cut)
    assert found["partition"] == expected["partition"]
    assert found["new"] == expected["new"]
    assert found["criteria"] == expected["criteria"]
    assert calls(cut) <= needed + 3 * 32
    assert paid_twice(cut) == 0


@pytest.mark.slow
def test_the_notebook_runs_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(__file__).resolve().parents[2] / "examples" / "improve.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    names: dict[str, Any] = {}

    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)  # noqa: S102 - the project's own notebook

    shown = capsys.readouterr().out
    assert "BETTER: safety 1.0 -> 1.1" in shown
    assert "SIMULATED" in shown
    assert "is spent" in shown
