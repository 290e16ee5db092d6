"""`cvalues mc` and `cvalues fetch` as a user meets them."""

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from cvalues.multiple_choice import ChoiceAnswer
from cvalues.multiple_choice.extractor import extraction_plan
from cvalues.multiple_choice.items import ChoiceItem, build_items, read_items
from judge.records import Candidate as JudgeCandidate
from judge.simulated.openai_protocol import text_digest
from judge.simulated.profile import Candidate, Pair, Profile
from judge.simulated.server import simulated_server
from tests.cvalues.choice_material import items, pair
from tests.cvalues.commands import Run, runner
from tests.cvalues.file_server import serving
from tests.judge.models.odd_servers import Answer, completion, odd_server, ok
from tests.shared_material import shared_file

MC = ("data", "cvalues", "cvalues_responsibility_mc.reconstructed.jsonl")
PROMPTS = ("data", "cvalues", "cvalues_responsibility_prompts.jsonl")
MODEL = "openai/model-under-test"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run commands in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    return runner(capsys)


def write(name: str, found: tuple[ChoiceItem, ...], *responses: str | None) -> Path:
    """Write items, with a response each where some are given."""
    given = [{"response": response} for response in responses] or [{}] * len(found)
    lines = [json.dumps(item.record() | more) for item, more in zip(found, given, strict=True)]
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Path(name)


def test_recorded_answers_are_counted(run: Run) -> None:
    write("items.jsonl", items(2))
    write("answers.jsonl", items(2), "回复1", "回复2", "回复1", "回复1")

    ended = run("mc", "items.jsonl", "--responses", "answers.jsonl", "--out-json", "out.json")

    out = json.loads(Path("out.json").read_text(encoding="utf-8"))
    assert (ended.code, ended.err) == (0, "")
    assert (out["n"], out["acc"], out["acc_star"]) == (4, 0.75, 0.75)
    assert out["pairs"] == {
        "n": 2,
        "both_correct": 1,
        "position_bound": 1,
        "both_wrong": 0,
        "undecided": 0,
    }
    assert out["provenance"] == "RECORDED"
    assert "75.0" in ended.out


def test_json_is_all_that_stands_on_standard_output(run: Run) -> None:
    write("answers.jsonl", items(1), "回复1", "回复2")

    ended = run("mc", "answers.jsonl", "--responses", "answers.jsonl", "--json")

    assert json.loads(ended.out)["counts"]["correct"] == 2


def test_acc_is_shown_as_if_kinds_of_items_had_other_shares(run: Run) -> None:
    found = items(1, origin="person") + build_items([pair("又问？", origin="chatgpt")])
    write("items.jsonl", found)
    write("answers.jsonl", found, "回复1", "回复2", "回复2", "回复1")
    command = ("mc", "items.jsonl", "--responses", "answers.jsonl")

    text = run(*command, "--mix", "origin:person=0.29,chatgpt=0.71").out
    document = json.loads(run(*command, "--mix", "origin:person=1", "--json").out)

    assert "with origin:person=0.29,chatgpt=0.71: acc 29.0 (" in text
    assert "acc depends on the mix of origin: 0.0 to 100.0" in text
    assert (document["acc"], document["mixed"]["origin:person=1"]["acc"]) == (0.5, 1.0)
    assert {name: g["acc"] for name, g in document["by"]["origin"].items()} == {
        "chatgpt": 0.0,
        "person": 1.0,
    }


@pytest.mark.parametrize(
    ("mix", "complaint"),
    [
        ("colour:red=1", "--mix 'colour' is not known; use difficulty_level"),
        ("origin:person", "write origin:KIND=SHARE,KIND=SHARE"),
        ("origin:robot=1", "no item's origin is 'robot'; here it is one of person."),
        ("pair_type:easy=1", "no item's pair_type is 'easy'; here it is not said."),
        ("origin:person=0.9", "make the shares sum to 1"),
    ],
)
def test_a_mix_that_cannot_be_is_refused_before_anything_is_asked(
    run: Run, mix: str, complaint: str
) -> None:
    write("items.jsonl", items(1, origin="person"))

    ended = run("mc", "items.jsonl", "--model", MODEL, "--mix", mix, "--run", "r")

    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert complaint in ended.err


def test_a_missing_answer_ends_in_exit_5(run: Run) -> None:
    write("items.jsonl", items(1))
    write("answers.jsonl", items(1), "回复1", None)

    ended = run("mc", "items.jsonl", "--responses", "answers.jsonl", "--json")

    assert ended.code == 5
    assert json.loads(ended.out)["unanswered"] == 1


def test_items_are_written_to_be_answered_elsewhere(run: Run) -> None:
    Path("pairs.jsonl").write_text(
        '{"prompt": "q", "better": "b", "worse": "w", "lang": "en"}\n', encoding="utf-8"
    )

    ended = run("mc", "pairs.jsonl", "--items-out", "items.jsonl", "--wording", "letter")

    written = read_items("items.jsonl")
    assert ended.code == 0
    assert [item.label for item in written] == ["回复1", "回复2"]
    assert "A or B, and nothing else" in written[0].prompt


def test_a_person_settles_the_rest_by_spreadsheet(run: Run) -> None:
    write("answers.jsonl", items(1), "嗯", "回复2")
    command = ("mc", "answers.jsonl", "--responses", "answers.jsonl", "--json")

    first = run(*command, "--review-out", "review.xlsx")
    book = openpyxl.load_workbook("review.xlsx")
    book["review"]["D2"] = "回复1"
    book.save("review.xlsx")
    second = run(*command, "--review", "review.xlsx")

    assert json.loads(first.out)["counts"]["need_check"] == 1
    assert json.loads(second.out)["counts"]["correct"] == 2
    assert json.loads(second.out)["settled_by_hand"] == 1


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["nowhere.jsonl"], "nowhere.jsonl: no such file"),
        (["items.jsonl"], "give --responses FILE with recorded answers, or --model MODEL"),
        (["items.jsonl", "--responses", "nowhere.jsonl"], "nowhere.jsonl: no such file"),
        (["items.jsonl", "--responses", "items.jsonl"], "items.jsonl:1: no column 'response'"),
        (["cvalues-mc"], "fetch it with: cvalues fetch cvalues-mc"),
        (["items.jsonl", "--wording", "short"], "use benchmark, letter"),
        (["broken.jsonl"], "broken.jsonl:2:12: not JSON"),
        (["."], ".: "),
    ],
)
def test_bad_input_is_one_line_and_exit_2(run: Run, words: list[str], complaint: str) -> None:
    found = write("items.jsonl", items(1))
    Path("broken.jsonl").write_text(
        found.read_text(encoding="utf-8").splitlines()[0] + '\n{"prompt": \n', encoding="utf-8"
    )

    ended = run("mc", *words, "--out-json", "out.json")

    assert ended.code == 2
    assert complaint in ended.err
    assert ended.err.count("\n") == 1
    assert not Path("out.json").exists()


def test_the_released_set_is_answered_from_a_fetched_copy(run: Run) -> None:
    source = shared_file(*MC)
    fetched = run("fetch", "cvalues-mc", "--from", source)
    rule = [
        "回复1" if len(i.pair.pos_resp) > len(i.pair.neg_resp) == (i.label == "回复1") else "回复2"
        for i in read_items(source)
    ]
    write("answers.jsonl", read_items(source), *rule)

    ended = run("mc", "cvalues-mc", "--responses", "answers.jsonl", "--published")
    document = run("mc", "cvalues-mc", "--responses", "answers.jsonl", "--published", "--json")

    assert fetched.code == 0
    assert "this is a reconstruction" in fetched.err
    assert ended.code == 0
    assert "source: benchmark catalogue page on CValues, citing table 4" in ended.out
    published = {each["key"]: each for each in json.loads(document.out)["published"]}
    assert len(published) == 9
    # facts of the released set, as the catalogue cites table 4
    assert published["mc.responsibility.acc"]["value"] == 0.928
    assert published["mc.responsibility.acc"]["confidence"] == "medium"


# A model under test.


def planted(found: tuple[ChoiceItem, ...], model: Candidate) -> Profile:
    """Plant which replies are better, and how well a model knows."""
    pairs = {
        item.pair.key: Pair(
            better=text_digest(item.pair.pos_resp), worse=text_digest(item.pair.neg_resp)
        )
        for item in found
    }
    return Profile(pairs=tuple(pairs.values()), candidates={"model-under-test": model})


@pytest.mark.parametrize("wording", ["benchmark", "letter"])
@pytest.mark.parametrize(
    ("model", "fate", "refused"),
    [
        (Candidate(accuracy=1.0), "both_correct", 0),
        (Candidate(accuracy=0.0), "both_wrong", 0),
        (Candidate(position_bias=1.0), "position_bound", 0),
        (Candidate(refusal=1.0), "undecided", 72),
    ],
)
def test_what_is_planted_in_a_model_is_what_is_counted(
    run: Run, model: Candidate, *, fate: str, refused: int, wording: str
) -> None:
    lines = [
        {"prompt": f"q{n}", "better": f"b{n}", "worse": f"w{n}", "lang": lang}
        for n in range(18)
        for lang in ("zh", "en")
    ]
    Path("pairs.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")

    with simulated_server(planted(read_items("pairs.jsonl"), model)) as server:
        ended = run(
            *("mc", "pairs.jsonl", "--model", MODEL, "--base-url", server.base_url),
            *("--wording", wording, "--quiet", "--json", "--transport", "direct"),
        )

    out = json.loads(ended.out)
    assert ended.code == 0
    assert out["counts"]["need_check"] == 0
    assert out["counts"]["refuse"] == refused
    assert (out["pairs"]["n"], out["pairs"][fate]) == (36, 36)
    assert out["provenance"] == "SIMULATED"


def test_a_run_goes_on_without_asking_again(run: Run) -> None:
    write("items.jsonl", items(6))
    command = ("mc", "items.jsonl", "--model", MODEL, "--run", "r", "--quiet", "--json")

    with simulated_server(planted(items(6), Candidate())) as server:
        asking = (*command, "--base-url", server.base_url, "--transport", "direct")
        first = run(*asking, "--max-calls", "5")
        second = run(*asking)

    assert first.code == 5
    assert "resume with: cvalues" in first.err
    assert second.code == 0
    assert json.loads(second.out)["counts"]["correct"] == 12
    assert server.hits.total == 12


def test_a_failed_call_is_no_answer_of_the_model(run: Run) -> None:
    write("items.jsonl", items(2))
    profile = {"faults": [{"mode": "http_500", "share": 1.0}]}

    with simulated_server(profile) as server:
        ended = run(
            *("mc", "items.jsonl", "--model", MODEL, "--base-url", server.base_url, "--quiet"),
            *("--json", "--max-attempts", "1", "--transport", "direct"),
        )

    assert ended.code == 5
    assert (json.loads(ended.out)["n"], json.loads(ended.out)["acc"]) == (0, None)


# A model that reads what rules could not read.


def test_a_model_reads_what_the_parser_left(run: Run) -> None:
    found = items(2)
    write("answers.jsonl", found, "嗯", "回复2", "看情况吧", "回复2")
    left = extraction_plan(
        [ChoiceAnswer(found[0], "嗯"), ChoiceAnswer(found[2], "看情况吧")],
        JudgeCandidate(model="openai/reader"),
        name="r",
    )
    first, turned, second, other = (item.prompt for item in left.read())
    says = {
        text_digest(first): '{"reading": "回复1"}',
        text_digest(turned): "回复1。",
        text_digest(second): "回复1",
        text_digest(other): "回复2",
    }

    def reader(body: dict[str, Any], _number: int, _path: str) -> Answer:
        return ok(completion(says[text_digest(body["messages"][-1]["content"])]))

    with odd_server(reader) as server:
        ended = run(
            *("mc", "answers.jsonl", "--responses", "answers.jsonl", "--json", "--quiet"),
            *("--extractor", "openai/reader", "--base-url", server.base_url),
            *("--transport", "direct"),
        )

    out = json.loads(ended.out)
    assert (out["counts"]["correct"], out["counts"]["need_check"]) == (3, 1)
    assert (out["settled_by_model"], out["settled_by_hand"]) == (1, 0)


def test_other_answers_that_are_left_are_read_by_a_run_of_their_own(run: Run) -> None:
    found = items(2)
    command = (
        *("mc", "answers.jsonl", "--responses", "answers.jsonl", "--run", "r", "--json", "--quiet"),
        *("--extractor", "openai/reader", "--transport", "direct"),
    )

    def unsure(_body: dict[str, Any], _number: int, _path: str) -> Answer:
        return ok(completion('{"reading": "Need_Check"}'))

    with odd_server(unsure) as server:
        write("answers.jsonl", found, "嗯", "回复2", "回复1", "回复2")
        first = run(*command, "--base-url", server.base_url)
        write("answers.jsonl", found, "嗯", "回复2", "看情况吧", "回复2")
        second = run(*command, "--base-url", server.base_url)
        again = run(*command, "--base-url", server.base_url)

    assert (first.code, second.code, again.code) == (0, 0, 0), second.err
    assert "run r-read in" in first.err
    assert "run r-read-2 in" in second.err
    assert "4 planned, 4 done before; resuming" in again.err


def test_nothing_is_asked_where_everything_was_read(run: Run) -> None:
    write("answers.jsonl", items(1), "回复1", "回复2")

    ended = run(
        *("mc", "answers.jsonl", "--responses", "answers.jsonl", "--json"),
        *("--extractor", "openai/reader", "--base-url", "http://127.0.0.1:9"),
    )

    assert (ended.code, ended.err) == (0, "")


# Fetching.


def test_the_data_sets_are_listed(run: Run) -> None:
    ended = run("fetch", "--json")

    assert [each["name"] for each in json.loads(ended.out)] == [
        "cvalues-prompts",
        "cvalues-mc",
        "cvalues-comparison",
        "100poisonmpts",
        "xstest",
    ]


def test_the_released_prompts_are_fetched_from_a_file(run: Run) -> None:
    ended = run("fetch", "cvalues-prompts", "--from", shared_file(*PROMPTS))

    assert ended.code == 0
    assert "664 rows, as published" in ended.out


def test_a_download_that_does_not_end_is_exit_5_and_says_how_to_go_on(run: Run) -> None:
    with serving({"/train.jsonl": b"{}\n" * 100}, cut_after=1) as server:
        ended = run("fetch", "100poisonmpts", "--from", server.address)

    assert ended.code == 5
    assert "to go on: cvalues fetch 100poisonmpts --from http" in ended.err
    assert ended.err.count("\n") == 1


def test_a_changed_upstream_is_exit_2(run: Run) -> None:
    with serving({"/train.jsonl": b'{"prompt": "q", "answer": "a"}\n'}) as server:
        ended = run("fetch", "100poisonmpts", "--from", server.address)

    assert ended.code == 2
    assert "1 rows where 906 are published; not accepted as 100poisonmpts" in ended.err
    assert ended.err.count("\n") == 1
