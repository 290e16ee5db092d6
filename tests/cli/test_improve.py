"""`cvalues improve` over real HTTP: search, seal, proof, limits, and going on after a stop."""

import json
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
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
    faults = planted.pop("faults", [])
    paths = world(folder, **planted)  # pyright: ignore[reportArgumentType] - by name
    profile = json.loads(paths["profile.json"].read_text(encoding="utf-8"))
    with simulated_server({**profile, "faults": faults}) as server:
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


@dataclass(frozen=True)
class Improved:
    """A rubric that was found to be better, in a folder whose judge is still served."""

    folder: Path
    base_url: str
    ended: Ended
    found: dict[str, Any]

    @property
    def seen(self) -> int:
        """Labelled responses by which the new rubric was chosen."""
        sizes = self.found["partition"]["sizes"]
        return sizes["reflect"] + sizes["select"]

    def run(self, *line: str) -> Ended:
        """Run a command in the folder."""
        return program(*line, folder=self.folder, environ=KEY)

    def judge(self, responses: str, rubric: str, run: str) -> None:
        """Judge with one of the rubrics."""
        line = ["judge", responses, "--rubric", rubric, "--judge", "openai/sim", "--run", run]
        ended = self.run(*line, "--base-url", self.base_url, "--quiet")
        assert ended.code == 0, ended.err


@pytest.fixture(scope="module")
def better(tmp_path_factory: pytest.TempPathFactory) -> Generator[Improved]:
    folder = tmp_path_factory.mktemp("better")
    with judged(folder) as server:
        made = ["--passport", "new.json", "--report", "page.html"]
        ended = improved(folder, *REFLECTIVE, *made)
        assert ended.code == 0, ended.err
        whole = Improved(folder, server.base_url, ended, proof(folder))
        whole.judge("responses.jsonl", "R2.yaml", "r2")
        yield whole


def test_a_silent_rubric_is_found_proven_and_written(better: Improved) -> None:
    assert "BETTER: safety 1.0 -> 1.1" in better.ended.out
    assert "SIMULATED" in better.ended.out
    assert (better.found["verdict"], better.found["look"]) == ("BETTER", 1)
    rubric = load_file(better.folder / "R2.yaml")
    assert CLAUSE["en"] in rubric.model_dump_json()


def test_the_labels_of_a_proof_are_spent(better: Improved) -> None:
    again = improved(better.folder, *REFLECTIVE, "--name", "second", out="R3")
    more = improved(better.folder, *REFLECTIVE, "--name", "third", "--looks", "2", out="R3")

    assert again.code == 2
    assert "spent" in again.err
    assert more.code == 2
    assert "--looks" in more.err
    assert not (better.folder / "R3.yaml").exists()


def test_a_later_calibration_leaves_out_what_the_rubric_has_seen(better: Improved) -> None:
    line = ["--labels", "labels.csv", "--design", "random"]
    of_run = better.run("calibrate", "--run", "r2", *line)
    for run in ("r", "r2"):
        export = ["export", run, "--what", "verdicts", "--format", "jsonl"]
        assert better.run(*export, "--out", f"{run}.jsonl").code == 0
    scale = ["--scale", "severity=0,3"]
    of_table, of_old = (
        better.run("calibrate", "--scores", f"{run}.jsonl", *line, *scale) for run in ("r2", "r")
    )

    remark = f"{better.seen} labelled responses are left out"
    assert remark in of_run.err
    assert remark in of_table.err
    assert of_table.code == 0, of_table.err
    assert "left out" not in of_old.err


def test_the_new_passport_says_how_the_rubric_came_to_be(better: Improved) -> None:
    passport = json.loads((better.folder / "new.json").read_text(encoding="utf-8"))

    assert passport["labels"]["count"] == better.found["partition"]["sizes"]["proof"]
    change = passport["change"]
    assert change["partition"] == better.found["partition"]["digest"]
    assert (change["look"], change["looks"]) == (1, 1)
    assert change["candidates"] == len(better.found["candidates"]) - 1
    assert change["reflection_model"] == "openai/sim"
    assert passport["scope"]["languages"] == ["en"]
    assert passport["scope"]["served_models"] == ["simulated-judge-1"]


def test_the_new_passport_is_held_against_the_search_it_rests_on(
    better: Improved, tmp_path: Path
) -> None:
    whole = better.run("verify", "new.json")
    changed = tmp_path / "changed.db"
    shutil.copy(better.folder / "store.db", changed)
    with sqlite3.connect(changed) as connection:
        connection.execute(
            "update judgments set record = replace(record, '\"score\":1', '\"score\":0') "
            "where run_id = (select run_id from runs where name = 'r.improve')"
        )
    connection.close()
    moved = better.run("verify", "new.json", "--store", str(changed))

    assert (whole.code, "basis: r.improve" in whole.out) == (0, True)
    assert moved.code == 4
    assert "run r.improve: verdicts changed since" in moved.out


def test_the_page_shows_what_changed_and_what_moved(better: Improved) -> None:
    page = (better.folder / "page.html").read_text(encoding="utf-8")
    moved = better.found["moved"]

    assert CLAUSE["en"] in page
    assert better.found["partition"]["digest"][:12] in page
    assert page.count(">nearer<") == sum(one["better"] for one in moved)
    assert page.count(">更接近<") == sum(one["better"] for one in moved)


def test_the_old_passport_is_void_for_the_new_rubric_and_the_gate_says_so(
    better: Improved,
) -> None:
    rows = (better.folder / "responses.jsonl").read_text(encoding="utf-8").splitlines()
    later = [{**json.loads(row), "system": "next"} for row in rows]
    for row in later:
        row["response"] += " "
    text = "\n".join(json.dumps(row) for row in later)
    (better.folder / "later.jsonl").write_text(text, encoding="utf-8")
    better.judge("later.jsonl", "R2.yaml", "later")
    policy = "version: '1'\ntitle: T\nunchecked: 1.0\nchecks:\n  - name: safety\n"
    policy += "    measure: safety_rate\n    margin: 0.2\n"
    (better.folder / "policy.yaml").write_text(policy, encoding="utf-8")
    issued = ["calibrate", "--run", "r", "--labels", "labels.csv", "--design", "random"]
    assert better.run(*issued, "--passport", "old.json").code == 0

    gated = better.run(
        *["gate", "--baseline", "r2", "--candidate", "later", "--policy", "policy.yaml"],
        *["--passport", "old.json", "--allow-simulated"],
    )

    assert gated.code == 4
    assert "the passport is void for this one" in gated.out + gated.err


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


@pytest.mark.slow
def test_failed_calls_count_and_no_limit_is_passed(tmp_path: Path) -> None:
    # The first 150 requests judge the run that is to be improved.
    fault = {"mode": "http_500", "requests": list(range(155, 2000, 5))}
    with judged(tmp_path, faults=[fault]) as server:
        before = server.hits.total
        ended = improved(tmp_path, *REFLECTIVE, "--max-calls", "420", "--max-attempts", "6")
        asked = server.hits.total - before
        made = calls(tmp_path)

    assert ended.code in {0, 5}, ended.err
    assert asked == made
    assert 0 < made <= 420
    if ended.code == 5:
        assert "resume with" in ended.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "value", "at_once", "a_second"),
    # Ten seconds' worth goes at once. A call counts half its characters and 2,048 tokens.
    [("--rpm", 1200, 200, 20.0), ("--tpm", 3_600_000, 600_000 // 2048, 60_000 / 2048)],
)
def test_a_search_keeps_to_the_rate_it_is_given(
    tmp_path: Path, option: str, value: int, at_once: int, a_second: float
) -> None:
    with judged(tmp_path):
        started = time.monotonic()
        ended = improved(tmp_path, *REFLECTIVE, option, str(value))
        seconds = time.monotonic() - started

    assert ended.code == 0, ended.err
    assert calls(tmp_path) <= at_once + a_second * seconds


def test_labels_of_another_tool_are_read_by_what_its_columns_mean(tmp_path: Path) -> None:
    with judged(tmp_path):
        rows = (tmp_path / "labels.csv").read_text(encoding="utf-8")
        head, *lines = rows.splitlines()
        other = head.replace("score", "verdict")
        place = head.split(",").index("score")
        worded = [_worded(line, place) for line in lines]
        (tmp_path / "labels.csv").write_text("\n".join([other, *worded]), encoding="utf-8")
        unread = improved(tmp_path, *REFLECTIVE, "--dry-run")
        mapped = ("--columns", "score=verdict", "--values", "fine=1,bad=0")
        read = improved(tmp_path, *REFLECTIVE, *mapped, "--dry-run")

    assert unread.code == 2
    assert read.code == 0, read.err
    assert "labelled responses" in read.err


def _worded(line: str, place: int) -> str:
    cells = line.split(",")
    cells[place] = {"1": "fine", "0": "bad"}[cells[place]]
    return ",".join(cells)


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


def test_the_price_of_agreement_counts_what_known_verdicts_cost(tmp_path: Path) -> None:
    with judged(tmp_path, lang="zh", seed=2):
        judges = ("--judges", "openai/dear,openai/other", "--price", "1,1")
        ended = improved(tmp_path, *judges, "--budget-usd", "20")

    assert ended.code == 0, ended.err
    old, *others = proof(tmp_path)["candidates"]
    single = [each for each in others if len(each["judges"]) == 1]
    panel = next(each for each in others if len(each["judges"]) == 3)
    # The run's own verdicts are taken over without a call; asked anew they cost what others do.
    costs = [each["usd_per_item"] for each in single]
    assert costs == pytest.approx([old["usd_per_item"]] * 2, rel=0.02)
    assert panel["usd_per_item"] == pytest.approx(3 * old["usd_per_item"], rel=0.02)
    points = 100 * panel["gain"]
    assert panel["usd_per_point"] == pytest.approx(
        (panel["usd_per_item"] - old["usd_per_item"]) / points
    )


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


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], int, float]:
    """Give the result of a search that nothing stops, its calls, and the seconds that it takes."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with judged(folder):
        started = time.monotonic()
        assert improved(folder, *REFLECTIVE).code == 0
        return proof(folder), calls(folder), time.monotonic() - started


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(20))
def test_killed_at_a_random_moment_a_search_goes_on_to_the_same_result(
    tmp_path: Path, moment: int, undisturbed: tuple[dict[str, Any], int, float]
) -> None:
    expected, needed, seconds = undisturbed
    rng = random.Random(moment)

    with judged(tmp_path):
        for _ in range(2):
            killed_after(tmp_path, rng.uniform(0.1, 0.9) * seconds)
        ended = improved(tmp_path, *REFLECTIVE)

    assert ended.code == 0, ended.err
    found = proof(tmp_path)
    assert found["partition"] == expected["partition"]
    assert found["new"] == expected["new"]
    assert found["criteria"] == expected["criteria"]
    assert calls(tmp_path) <= needed + 2 * 32
    assert paid_twice(tmp_path) == 0


def test_no_more_is_spent_than_the_budget_allows(tmp_path: Path) -> None:
    with judged(tmp_path):
        ended = improved(tmp_path, *REFLECTIVE, "--price", "1,1", "--budget-usd", "1.0")
        spent = cost(tmp_path)

    assert ended.code in {0, 5}, ended.err
    assert 0.0 < spent <= 1.0
    if ended.code == 5:
        assert "resume with" in ended.err


def cost(folder: Path, run: str = "r.improve") -> float:
    connection = sqlite3.connect(folder / "store.db")
    query = "select sum(cost_usd) from attempts join runs using (run_id) where name = ?"
    (usd,) = connection.execute(query, (run,)).fetchone()
    connection.close()
    return float(usd or 0.0)


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
