"""`cvalues dif` as a user meets it: items that one language makes harder, from files and runs."""

import json
from pathlib import Path

import pytest

from judge.simulated.openai_protocol import text_digest
from judge.simulated.profile import Profile
from judge.simulated.server import simulated_server
from tests.cli.program import program

ITEMS = [f"s{n}" for n in range(8)]
SYSTEMS = [f"m{n}" for n in range(12)]


def right(item: str, system: str, lang: str) -> bool:
    """Plant: systems differ in ability alone, save that English makes s3 wrong for everybody."""
    if item == "s3":
        return lang == "zh"
    return (int(item[1:]) * 5 + int(system[1:]) * 7) % 11 > 3


def answers(folder: Path, *systems: str) -> list[Path]:
    paths: list[Path] = []
    for system in systems:
        rows = [
            {
                "situation": item,
                "lang": lang,
                "system": system,
                "correct": right(item, system, lang),
            }
            for item in ITEMS
            for lang in ("zh", "en")
        ]
        paths.append(folder / f"{system}.jsonl")
        paths[-1].write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return paths


def test_the_item_that_is_harder_in_one_language_is_flagged_and_no_other(tmp_path: Path) -> None:
    files = answers(tmp_path, *SYSTEMS)

    ended = program("dif", *files, "--out-json", "dif.json", folder=tmp_path)

    found = json.loads((tmp_path / "dif.json").read_text(encoding="utf-8"))
    assert ended.code == 0
    assert [each["item"] for each in found["items"] if each["flagged"]] == ["s3"]
    assert found["items"][3]["shares"] == [1.0, 0.0]
    assert (found["settings"], found["answerers"]) == (["zh", "en"], [12, 12])
    assert "8 items, 8 tested between zh and en: 1 function differently" in ended.out


def test_so_few_systems_that_nothing_could_be_flagged_are_told_so(tmp_path: Path) -> None:
    ended = program("dif", *answers(tmp_path, "m0", "m1"), folder=tmp_path)

    # all against none: (n-1)^2 (2n-1) / n^2 passes chi-square's 7.48, of 0.05 / 8, with n = 6
    assert "answerers: 2 in zh, 2 in en; under 6 in each" in ended.out


def test_what_mc_writes_dif_reads_and_both_orders_are_one_answer(tmp_path: Path) -> None:
    pairs = [
        {
            "prompt": f"{lang} {item}",
            "better": f"good {lang} {item}",
            "worse": f"bad {item}",
            "situation": item,
            "lang": lang,
        }
        for item in ITEMS[:2]
        for lang in ("zh", "en")
    ]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(p) + "\n" for p in pairs), "utf-8")
    program("mc", "pairs.jsonl", "--items-out", "items.jsonl", folder=tmp_path)
    items = [
        json.loads(line) for line in (tmp_path / "items.jsonl").read_text("utf-8").splitlines()
    ]
    given = [item | {"response": "回复1"} for item in items]
    (tmp_path / "given.jsonl").write_text("".join(json.dumps(g) + "\n" for g in given), "utf-8")

    asked = program(
        *["mc", "items.jsonl", "--responses", "given.jsonl", "--answers-out", "a.jsonl"],
        folder=tmp_path,
    )
    ended = program("dif", "a.jsonl", "--json", folder=tmp_path)

    found = json.loads(ended.out)
    assert asked.code == ended.code == 0
    assert [each["item"] for each in found["items"]] == ITEMS[:2]
    assert [each["shares"] for each in found["items"]] == [[0.0, 0.0]] * 2
    assert [each["n"] for each in found["items"]] == [2, 2]


def test_the_samples_of_one_judged_system_are_one_answerer_and_flag_nothing(tmp_path: Path) -> None:
    rows = [
        {
            "id": f"{item}-{lang}",
            "situation": item,
            "lang": lang,
            "prompt": item,
            "response": f"{item} {lang} {sample}",
            "sample": sample,
        }
        for item in ITEMS[:4]
        for lang in ("zh", "en")
        for sample in range(6)
    ]
    path = tmp_path / "responses.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    truth = {
        text_digest(row["response"]): {"safe": int(row["situation"] != "s3" or row["lang"] == "zh")}
        for row in rows
    }

    with simulated_server(Profile(truth=truth)) as server:
        judged = program(
            *["judge", str(path), "--rubric", "safety", "--judge", "hosted_vllm/judge"],
            *["--base-url", server.base_url, "--run", "r"],
            folder=tmp_path,
        )
    ended = program("dif", "--run", "r", "--json", folder=tmp_path)

    found = json.loads(ended.out)
    assert (judged.code, ended.code) == (0, 0), judged.err
    assert (found["answerers"], found["provenance"]) == ([1, 1], "SIMULATED")
    assert [each["shares"] for each in found["items"]] == [[1.0, 1.0]] * 3 + [[1.0, 0.0]]
    assert [each["item"] for each in found["items"] if each["flagged"]] == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "give files of answers, or --run RUN"),
        (["nowhere.jsonl"], "nowhere.jsonl: no such file"),
        (["m0.jsonl", "--between", "zh,fr"], "name two of zh, en with --between A,B"),
        (["bad.jsonl"], "bad.jsonl:1: 'correct' is neither true nor false"),
        (["--run", "none"], "no run 'none'"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(tmp_path: Path, words: list[str], complaint: str) -> None:
    answers(tmp_path, "m0")
    (tmp_path / "bad.jsonl").write_text('{"id": "a", "lang": "zh", "correct": "yes"}\n', "utf-8")

    ended = program("dif", *words, "--out-json", "dif.json", folder=tmp_path)

    assert ended.code == 2
    assert complaint in ended.err
    assert ended.err.count("\n") == 1
    assert not (tmp_path / "dif.json").exists()
