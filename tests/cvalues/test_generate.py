"""`cvalues generate` as a user meets it: killed, resumed, and fed with sets of other columns."""

import json
import random
import signal
import subprocess
from pathlib import Path

import pytest

from judge.simulated.profile import Profile
from judge.simulated.server import Running, simulated_server
from judge.store.store import open_store
from tests.cli.program import command, environment, program

PROMPTS = 1000
IN_FLIGHT = 16


def prompts(folder: Path, count: int) -> None:
    rows = (json.dumps({"id": f"p{n}", "prompt": f"Question {n}?"}) for n in range(count))
    (folder / "prompts.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")


def generating(url: str) -> list[str]:
    return [
        *["generate", "prompts.jsonl", "--model", "hosted_vllm/m", "--base-url", url],
        *["--run", "g", "--quiet", "--concurrency", str(IN_FLIGHT), "--out", "responses.jsonl"],
    ]


def stored(folder: Path) -> list[str]:
    store = open_store(str(folder / "store.db"))
    found = [each.id for run in store.runs() for each in store.answers(run)]
    store.close()
    return found


def kill_after(calls: int, folder: Path, server: Running) -> None:
    """Run until so many calls have come to the server, then kill without warning."""
    running = subprocess.Popen(
        command(*generating(server.base_url)),
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while server.hits.total < calls:
        try:
            running.wait(0.002)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError("the run ended before it was killed")
    running.kill()
    assert running.wait() == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_thousand_prompts_killed_at_random_are_each_answered_and_none_twice_once_stored(
    tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    prompts(tmp_path, PROMPTS)

    with simulated_server(Profile(seed=seed)) as server:
        for low in (100, 400, 700):
            kill_after(rng.randint(low, low + 200), tmp_path, server)
        before = stored(tmp_path)
        calls = server.hits.total
        ended = program(*generating(server.base_url), folder=tmp_path)
        asked = server.hits.total - calls
        total = server.hits.total

    assert ended.code == 0, ended.err
    assert asked == PROMPTS - len(before)
    assert PROMPTS <= total <= PROMPTS + 3 * IN_FLIGHT
    assert len(before) == len(set(before))
    assert sorted(stored(tmp_path)) == sorted(f"p{n}" for n in range(PROMPTS))
    assert len((tmp_path / "responses.jsonl").read_text("utf-8").splitlines()) == PROMPTS


def asked(folder: Path, *words: str) -> list[dict[str, object]]:
    """Generate with a simulated model and give the responses."""
    with simulated_server() as server:
        ended = program(
            *["generate", *words, "--model", "hosted_vllm/m", "--base-url", server.base_url],
            *["--run", "g", "--out", "out.jsonl"],
            folder=folder,
        )
    assert ended.code == 0, ended.err
    return [json.loads(line) for line in (folder / "out.jsonl").read_text("utf-8").splitlines()]


def test_a_restricted_set_with_names_of_its_own_is_asked_by_a_small_mapping(
    tmp_path: Path,
) -> None:
    (tmp_path / "own.csv").write_text("编号,问题,场景\n7,怎么骂人？,辱骂\n", encoding="utf-8")
    mapping = {
        "columns": {"id": "编号", "prompt": "问题", "group": "场景"},
        "groups": {"辱骂": "insult"},
        "lang": "zh",
    }
    (tmp_path / "names.json").write_text(json.dumps(mapping), encoding="utf-8")

    (response,) = asked(tmp_path, "own.csv", "--mapping", "names.json")

    assert [response[name] for name in ("id", "prompt", "group", "lang")] == [
        *["7", "怎么骂人？", "insult", "zh"]
    ]


def test_the_published_columns_need_no_mapping(tmp_path: Path) -> None:
    rows = [
        {"id_": 1, "prompt": "问", "domain_en": "law", "domain_zh": "法理学"},
        {"prompt": "又问", "answer": "专家的回答"},
    ]
    for name, row in zip(("cvalues.jsonl", "poison.jsonl"), rows, strict=True):
        (tmp_path / name).write_text(json.dumps(row) + "\n", encoding="utf-8")

    (released,) = asked(tmp_path, "cvalues.jsonl")
    (tmp_path / "store.db").unlink()
    (poison,) = asked(tmp_path, "poison.jsonl")

    assert (released["id"], released["group"], released["lang"]) == ("1", "law", "zh")
    assert poison["reference"] == "专家的回答"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["cvalues-prompts"], "fetch it with: cvalues fetch cvalues-prompts"),
        (["100poisonmpts"], "fetch it with: cvalues fetch 100poisonmpts"),
        (["nowhere.csv"], "nowhere.csv: no such file"),
        (["own.jsonl", "--out", "no/r.jsonl"], "no/r.jsonl: cannot be written"),
        (["own.jsonl", "--mapping", "names.csv"], "own.jsonl:1: the mapping does not name the"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_a_run_is_made(
    tmp_path: Path, words: list[str], complaint: str
) -> None:
    (tmp_path / "own.jsonl").write_text('{"prompt": "q", "group": "b"}\n', encoding="utf-8")
    (tmp_path / "names.csv").write_text("name,group\na,insult\n", encoding="utf-8")

    ended = program("generate", *words, "--model", "hosted_vllm/m", folder=tmp_path)

    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert complaint in ended.err
    assert not (tmp_path / "store.db").exists()
