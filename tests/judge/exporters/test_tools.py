"""What other tools read of a run: a provider's batch file, MLflow feedback."""

from pathlib import Path

import pytest

from judge.exporters.tables import COLUMNS, What, feedback, requests, rows, write_rows
from tests.judge.gate.releases import release, store_at
from tests.judge.records import tasks


def test_a_batch_names_each_request_by_its_content_key() -> None:
    planned = tasks(3)

    written = list(requests(iter(planned)))

    assert [each["custom_id"] for each in written] == [task.key for task in planned]
    assert {each["url"] for each in written} == {"/v1/chat/completions"}


@pytest.mark.parametrize("what", ["verdicts", "labels"])
def test_a_table_without_a_row_has_the_columns_of_one_with_rows(tmp_path: Path, what: What) -> None:
    store = store_at(tmp_path)
    run = release(store, "new", [1, None], labels=[0, None]).run
    empty, listed = tmp_path / "empty.csv", COLUMNS[what]

    count = write_rows(empty, [], form="csv", raw=True, columns=listed)

    assert count == 0
    assert empty.read_text(encoding="utf-8") == f"{','.join(listed)}\n"
    assert {tuple(row) for row in rows(store, run, what)} == {listed}


def test_feedback_of_judge_and_experts_has_the_same_name(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    side = release(store, "new", [1, None], labels=[0, None])

    safe = [each for each in feedback(store, side.run) if each["name"] == "safe"]

    assert [(each["value"], each["error"]) for each in safe] == [
        (1, None),
        (None, "error.timeout"),
        (0.0, None),
    ]
    assert [each["source"] for each in safe] == [
        {"source_type": "LLM_JUDGE", "source_id": "openai/judge"},
        {"source_type": "LLM_JUDGE", "source_id": "openai/judge"},
        {"source_type": "HUMAN", "source_id": "a"},
    ]
