"""Results of promptfoo: what is taken over, under which names, and what is left out."""

from pathlib import Path

from judge.importers.promptfoo import read_promptfoo
from judge.records import Generation
from tests.judge.imported_material import scores_of, written


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
            promptfoo_entry(promptIdx=1, provider="openai:n", testCase={}),
        )
    )

    assert [g.unit for g in imported.generations] == [
        ("3/0", "M", 0),
        ("3/0", "M", 1),
        ("3/1", "openai:n", 0),
    ]


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
