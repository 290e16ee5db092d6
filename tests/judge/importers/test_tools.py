"""Files of lm-evaluation-harness, OpenCompass, deepeval and promptfoo.

The samples are hand-made after each tool's documentation; no field is there that no test needs.
"""

import json
import sys
from pathlib import Path

import pytest

from judge.errors import ConfigError
from judge.files.decoding import TableError
from judge.importers.base import Imported
from judge.importers.deepeval import read_deepeval
from judge.importers.lm_eval import read_lm_eval
from judge.importers.opencompass import read_opencompass
from judge.importers.promptfoo import read_promptfoo
from judge.importers.registry import read_of, tools
from judge.records import Generation
from tests.judge.importers.imported_material import scores_of, written


def lm_eval_file(folder: Path, *rows: dict[str, object]) -> Path:
    path = folder / "samples_gsm8k_2026-01-02T03-04-05.678901.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def lm_eval_row(**fields: object) -> dict[str, object]:
    return {
        "doc_id": 0,
        "doc": {"question": "q"},
        "target": "4",
        "arguments": {"gen_args_0": {"arg_0": "2 + 2?", "arg_1": {"until": ["\n"]}}},
        "resps": [["four", "4"]],
        "filtered_resps": ["4"],
        "filter": "strict-match",
        "metrics": ["exact_match"],
        "exact_match": 1.0,
        **fields,
    }


def test_lm_eval_filters_share_the_responses_and_add_their_metrics(tmp_path: Path) -> None:
    path = lm_eval_file(
        tmp_path, lm_eval_row(), lm_eval_row(filter="flexible-extract", exact_match=0.0)
    )

    imported = read_lm_eval(path, system="m")

    assert imported.generations == (
        Generation(id="0", prompt="2 + 2?", response="four", system="m", sample=0, group="gsm8k"),
        Generation(id="0", prompt="2 + 2?", response="4", system="m", sample=1, group="gsm8k"),
    )
    assert scores_of(imported) == {
        "exact_match,strict-match": 1.0,
        "exact_match,flexible-extract": 0.0,
    }


@pytest.mark.parametrize(
    "arguments",
    [
        [["2 + 2?", {"until": ["\n"]}]],
        {"gen_args_0": {"arg_0": json.dumps([{"role": "user", "content": "2 + 2?"}])}},
        {"gen_args_0": {"arg_0": [{"role": "user", "content": "2 + 2?"}]}},
    ],
)
def test_lm_eval_prompts_of_all_its_versions_are_read(tmp_path: Path, arguments: object) -> None:
    (generation, _) = read_lm_eval(
        lm_eval_file(tmp_path, lm_eval_row(arguments=arguments))
    ).generations

    assert generation.prompt == "2 + 2?"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([lm_eval_row(resps=[[[-3.0, False]]])], r":1: resps\[0\]\[0\] is a likelihood"),
        ([lm_eval_row(arguments=[])], ":1: arguments is empty"),
        ([lm_eval_row(), lm_eval_row(resps=[["5"]])], ":2: .* repeats doc_id 0 with another"),
        ([lm_eval_row(), lm_eval_row()], ":2: .* scores 'exact_match,strict-match' twice"),
    ],
)
def test_lm_eval_files_that_hold_no_single_run_of_responses_are_refused(
    tmp_path: Path, rows: list[dict[str, object]], words: str
) -> None:
    with pytest.raises(TableError, match=words):
        read_lm_eval(lm_eval_file(tmp_path, *rows))


def test_lm_eval_rows_without_filter_or_task_in_the_name_are_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(lm_eval_row(filter=None, resps=[["4"]])), encoding="utf-8")

    imported = read_lm_eval(path)

    assert scores_of(imported) == {"exact_match,none": 1.0}
    assert [g.group for g in imported.generations] == [None]


def test_opencompass_predictions_are_generations(tmp_path: Path) -> None:
    turns = [{"role": "SYSTEM", "prompt": "frame"}, {"role": "HUMAN", "prompt": "问？"}]
    path = written(
        tmp_path / "predictions" / "qwen-7b" / "cvalues.json",
        {
            "0": {"origin_prompt": turns, "prediction": "答", "gold": "A"},
            "1": {"origin_prompt": "问一", "prediction": "", "gold": ["A"]},
        },
    )

    assert read_opencompass(path).generations == (
        Generation(
            id="cvalues/0",
            prompt="问？",
            response="答",
            system="qwen-7b",
            group="cvalues",
            reference="A",
        ),
        Generation(id="cvalues/1", prompt="问一", response="", system="qwen-7b", group="cvalues"),
    )


def test_opencompass_files_of_several_turns_are_refused(tmp_path: Path) -> None:
    turns = [[{"role": "HUMAN", "prompt": "q"}], [{"role": "HUMAN", "prompt": "r"}]]
    path = written(tmp_path / "a.json", {"0": {"origin_prompt": turns, "prediction": ["a", "b"]}})

    with pytest.raises(TableError, match=r"0\.prediction\[0\] is no single text"):
        read_opencompass(path)


def test_opencompass_predictions_drawn_for_one_prompt_are_samples(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", {"0": {"origin_prompt": "q", "prediction": ["a", "b"]}})

    found = read_opencompass(path, system="m").generations

    assert [(each.response, each.sample) for each in found] == [("a", 0), ("b", 1)]


def deepeval_case(**fields: object) -> dict[str, object]:
    return {
        "name": "test_case_0",
        "input": "问？",
        "actualOutput": "答",
        "expectedOutput": "好",
        "metricsData": [
            {"name": "Safe [GEval]", "score": 0.8, "evaluationModel": "gpt-x", "error": None},
            {"name": "Kind", "score": 0, "error": "timeout"},
        ],
        **fields,
    }


@pytest.mark.parametrize("wrapped", [False, True])
def test_deepeval_cases_are_generations(tmp_path: Path, wrapped: bool) -> None:
    run = {"testCases": [deepeval_case()], "conversationalTestCases": []}
    content = {"testRunData": run} if wrapped else run

    imported = read_deepeval(written(tmp_path / "run.json", content), system="m")

    assert imported.generations == (
        Generation(id="test_case_0", prompt="问？", response="答", system="m", reference="好"),
    )
    assert [(s.judge, s.criterion, s.score) for s in imported.scores] == [
        ("gpt-x", "Safe [GEval]", 0.8),
        ("deepeval", "Kind", None),
    ]


def test_deepeval_cases_without_one_response_are_left_out_aloud(tmp_path: Path) -> None:
    run = {
        "testCases": [deepeval_case(actualOutput=None)],
        "conversationalTestCases": [{"name": "chat"}],
    }

    imported = read_deepeval(written(tmp_path / "run.json", run))

    assert imported == Imported(
        generations=(),
        scores=(),
        left_out=(
            "testCases[0]: no response",
            "conversationalTestCases[0]: a conversation of several turns",
        ),
    )


def test_two_cases_of_one_name_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "run.json", {"testCases": [deepeval_case(), deepeval_case()]})

    with pytest.raises(TableError, match=r"testCases\[1\] has the id 'test_case_0' of an earlier"):
        read_deepeval(path)


def promptfoo_entry(**fields: object) -> dict[str, object]:
    return {
        "promptIdx": 0,
        "testIdx": 3,
        "provider": {"id": "openai:m", "label": "M"},
        "prompt": {"raw": "问？", "label": "p"},
        "response": {"output": "答"},
        "success": True,
        "score": 0.5,
        "failureReason": 0,
        "namedScores": {"tone": 1},
        "testCase": {"description": "law", "vars": {}},
        **fields,
    }


def promptfoo_file(folder: Path, *entries: dict[str, object]) -> Path:
    return written(folder / "out.json", {"evalId": "e", "results": {"results": entries}})


def test_promptfoo_entries_are_generations(tmp_path: Path) -> None:
    imported = read_promptfoo(promptfoo_file(tmp_path, promptfoo_entry()))

    assert imported.generations == (
        Generation(id="3", prompt="问？", response="答", system="M", group="law"),
    )
    assert scores_of(imported) == {"score": 0.5, "tone": 1.0}


def test_promptfoo_repeats_are_samples_and_prompts_part_of_the_id(tmp_path: Path) -> None:
    imported = read_promptfoo(
        promptfoo_file(
            tmp_path,
            promptfoo_entry(),
            promptfoo_entry(),
            promptfoo_entry(promptIdx=1, provider="openai:n"),
        )
    )

    assert [g.unit for g in imported.generations] == [
        ("3/0", "M", 0),
        ("3/0", "M", 1),
        ("3/1", "openai:n", 0),
    ]


def test_promptfoo_columns_and_runs_of_one_test_share_its_id(tmp_path: Path) -> None:
    """As promptfoo 0.123 writes them: a column for each provider, a number for each run."""
    entries = [
        promptfoo_entry(
            testIdx=run, promptIdx=column, promptId="p", provider={"id": system, "label": ""}
        )
        for column, system in enumerate("ab")
        for run in (1, 0)
    ]

    imported = read_promptfoo(promptfoo_file(tmp_path, *entries))

    assert [g.unit for g in imported.generations] == [
        ("0", "a", 1),
        ("0", "a", 0),
        ("0", "b", 1),
        ("0", "b", 0),
    ]


def test_a_promptfoo_grader_that_failed_has_given_no_score(tmp_path: Path) -> None:
    polite = {"score": 0, "assertion": {"metric": "polite"}, "metadata": {"graderError": True}}
    has = {"score": 1, "assertion": {"metric": "has"}}
    entry = promptfoo_entry(
        score=0.5,
        failureReason=1,
        namedScores={"polite": 0, "has": 1},
        gradingResult={"score": 0.5, "componentResults": [{"componentResults": [polite]}, has]},
    )

    imported = read_promptfoo(promptfoo_file(tmp_path, entry))

    assert scores_of(imported) == {"score": None, "polite": None, "has": 1.0}


def test_an_old_lm_eval_file_tells_filters_apart_by_the_order_of_its_rows(tmp_path: Path) -> None:
    rows = [
        {**lm_eval_row(resps=[["4"]], exact_match=score), "metrics": None, "filter": None}
        for score in (0.0, 1.0)
    ]

    imported = read_lm_eval(lm_eval_file(tmp_path, *rows))

    assert scores_of(imported) == {"exact_match,none": 0.0, "exact_match,none-2": 1.0}


def test_a_file_in_which_everything_failed_is_refused(tmp_path: Path) -> None:
    path = written(
        tmp_path / "log.json",
        {
            "status": "error",
            "error": {"message": "boom"},
            "eval": {"task": "t", "model": "m"},
            "samples": [{"id": 1, "input": "q", "output": None}],
        },
    )

    with pytest.raises(TableError, match=r"holds no response: status: .* 'error': boom"):
        read_of("inspect_ai", path)


ACME = """
import json
from judge.importers.base import Imported
from judge.records import Generation

def read_acme(path, *, system=None):
    rows = json.loads(path.read_text("utf-8"))
    made = (Generation(id=r["id"], prompt=r["q"], response=r["a"], system="acme") for r in rows)
    return Imported(generations=tuple(made), scores=())
"""


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package that registers the importer ``acme``: one file and one line."""
    (tmp_path / "acme_files.py").write_text(ACME, encoding="utf-8")
    info = tmp_path / "acme_files-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: acme-files\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        "[cvalues.importers]\nacme = acme_files:read_acme\ngone = acme_files:gone\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "acme_files", raising=False)


@pytest.mark.usefixtures("acme")
def test_a_package_adds_an_importer_by_one_file_and_one_line(tmp_path: Path) -> None:
    path = written(tmp_path / "acme.json", [{"id": "1", "q": "问", "a": "答"}])

    (generation,) = read_of("acme", path).generations

    assert generation.unit == ("1", "acme", 0)
    assert "acme" in tools()


@pytest.mark.usefixtures("acme")
def test_an_importer_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'gone' \(acme_files:gone\) cannot be loaded"):
        read_of("gone", tmp_path)


def test_promptfoo_errors_are_neither_responses_nor_low_scores(tmp_path: Path) -> None:
    imported = read_promptfoo(
        promptfoo_file(
            tmp_path,
            promptfoo_entry(response=None, error="429", failureReason=2, score=0),
            promptfoo_entry(error="grader broke", failureReason=2, score=0, namedScores={}),
        ),
        system="mine",
    )

    assert [g.unit for g in imported.generations] == [("3", "mine", 1)]
    assert scores_of(imported) == {"score": None}
    assert imported.left_out == ("results.results[0]: no response, as the provider failed",)


def test_promptfoo_output_that_was_parsed_is_text_again(tmp_path: Path) -> None:
    path = promptfoo_file(tmp_path, promptfoo_entry(response={"output": {"b": "答", "a": 1}}))

    (generation,) = read_promptfoo(path).generations

    assert generation.response == '{"a": 1, "b": "答"}'


@pytest.mark.parametrize("tool", [tool for tool in tools() if tool != "lm_eval"])
@pytest.mark.parametrize("content", [[], {"a": 1}, "text", None, {"samples": {}}])
def test_files_of_another_tool_are_refused_in_one_line(
    tmp_path: Path, tool: str, content: object
) -> None:
    path = written(tmp_path / "a.json", content)

    with pytest.raises(TableError) as caught:
        read_of(tool, path)

    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 300


def test_a_tool_is_found_by_its_name(tmp_path: Path) -> None:
    path = written(tmp_path / "run.json", {"testCases": [deepeval_case()]})

    (generation,) = read_of("deepeval", path).generations

    assert generation.system == "default"


def test_an_unknown_tool_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'promptfo' are not read; did you mean promptfoo\?"):
        read_of("promptfo", tmp_path)
    with pytest.raises(ConfigError, match=r"use one of chat, deepeval, inspect_ai, .*"):
        read_of("zzz", tmp_path)
