"""Logs of inspect_ai: what is taken over, under which names, and what is left out."""

from pathlib import Path

import pytest

from judge.files.decoding import TableError
from judge.importers.base import Score
from judge.importers.inspect_ai import read_inspect
from judge.records import Generation
from tests.judge.importers.imported_material import scores_of, written


def inspect_sample(**fields: object) -> dict[str, object]:
    return {
        "id": 7,
        "epoch": 1,
        "input": "问？",
        "target": "好",
        "output": {"model": "m", "choices": [{"message": {"role": "assistant", "content": "答"}}]},
        "scores": {"match": {"value": "C"}},
        **fields,
    }


def inspect_log(folder: Path, *samples: dict[str, object]) -> Path:
    about = {"task": "safety", "model": "openai/m"}
    return written(folder / "log.json", {"version": 2, "eval": about, "samples": samples})


def test_inspect_samples_are_generations(tmp_path: Path) -> None:
    imported = read_inspect(inspect_log(tmp_path, inspect_sample()))

    assert imported.generations == (
        Generation(
            id="7",
            prompt="问？",
            response="答",
            system="openai/m",
            sample=0,
            group="safety",
            reference="好",
        ),
    )
    assert imported.scores == (
        Score(
            id="7",
            system="openai/m",
            group="safety",
            judge="inspect_ai",
            criterion="match",
            score=1.0,
        ),
    )


def test_inspect_epochs_are_samples(tmp_path: Path) -> None:
    log = inspect_log(tmp_path, inspect_sample(), inspect_sample(epoch=2))

    assert [g.sample for g in read_inspect(log).generations] == [0, 1]


def test_inspect_messages_give_the_last_question_and_the_text_of_the_answer(
    tmp_path: Path,
) -> None:
    parts = [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "答"}]
    log = inspect_log(
        tmp_path,
        inspect_sample(
            input=[
                {"role": "system", "content": "frame"},
                {"role": "user", "content": [{"type": "text", "text": "问？"}]},
            ],
            output={"choices": [{"message": {"role": "assistant", "content": parts}}]},
            target=["a", "b"],
        ),
    )

    (generation,) = read_inspect(log, system="mine").generations

    assert (generation.prompt, generation.response) == ("问？", "答")
    assert (generation.system, generation.reference) == ("mine", "a\nb")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("I", {"match": 0.0}),
        ("P", {"match": 0.5}),
        ("N", {"match": None}),
        ("perhaps", {"match": None}),
        (None, {"match": None}),
        (True, {"match": 1.0}),
        (4, {"match": 4.0}),
        ({"safe": 1, "kind": 0.5}, {"match.safe": 1.0, "match.kind": 0.5}),
    ],
)
def test_inspect_scores_that_are_no_number_are_missing(
    tmp_path: Path, value: object, expected: dict[str, float | None]
) -> None:
    log = inspect_log(tmp_path, inspect_sample(scores={"match": {"value": value}}))

    assert scores_of(read_inspect(log)) == expected


def test_inspect_samples_without_an_answer_are_left_out_aloud(tmp_path: Path) -> None:
    log = inspect_log(tmp_path, inspect_sample(), inspect_sample(id=8, output={"choices": []}))

    imported = read_inspect(log)

    assert len(imported.generations) == 1
    assert imported.left_out == ("samples[1]: no response, as the tool or the model failed",)


def test_inspect_logs_in_its_own_archive_name_the_command_that_converts(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="convert it: inspect log convert FILE --to json"):
        read_inspect(tmp_path / "a.eval")


@pytest.mark.parametrize("name", [True, "", 1.5, None, []])
def test_ids_that_are_no_names_are_refused(tmp_path: Path, name: object) -> None:
    with pytest.raises(TableError, match=r"samples\[0\].id is"):
        read_inspect(inspect_log(tmp_path, inspect_sample(id=name)))


@pytest.mark.parametrize("epoch", [0, "1", 1.5])
def test_epochs_count_from_one(tmp_path: Path, epoch: object) -> None:
    with pytest.raises(TableError, match=r"samples\[0\].epoch is no epoch"):
        read_inspect(inspect_log(tmp_path, inspect_sample(epoch=epoch)))


def test_a_sample_without_an_epoch_is_the_first(tmp_path: Path) -> None:
    sample = inspect_sample()
    del sample["epoch"]

    (generation,) = read_inspect(inspect_log(tmp_path, sample)).generations

    assert generation.sample == 0
