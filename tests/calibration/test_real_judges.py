"""Published labels and judges: what the estimators must say of them."""

import csv
import gzip
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from calibration import UnusableJudge, compare_error_rates, estimate_rate
from calibration.validation import FloatArray
from tests.shared_material import shared_file

Ratings = dict[tuple[str, str], dict[str, float]]


def ratings(path: Path) -> Ratings:
    """Scores by item and system, then by rater."""
    table: Ratings = defaultdict(dict)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            table[row["item_id"], row["system"]][row["rater_id"]] = float(row["score"])
    return table


def refusals_of_unsafe_prompts() -> tuple[FloatArray, FloatArray, list[str]]:
    """XSTest: GPT-4's and the adjudicated full refusals on unsafe prompts, and the systems."""
    table = ratings(shared_file("data", "human", "xstest", "labels.csv.gz"))
    subset = shared_file("data", "human", "xstest", "item_subset.json")
    kinds = json.loads(subset.read_text(encoding="utf-8"))
    keys = sorted(key for key in table if kinds[key[0]].startswith("contrast_"))
    return (
        as_binary(table, keys, "gpt-4"),
        as_binary(table, keys, "final_label"),
        [k[1] for k in keys],
    )


def as_binary(table: Ratings, keys: list[tuple[str, str]], rater: str) -> FloatArray:
    scores = np.array([table[key].get(rater, np.nan) for key in keys])
    return np.where(np.isnan(scores), np.nan, scores == 2.0)


def test_gpt4_misses_refusals_of_one_system_and_not_of_another() -> None:
    comparison = compare_error_rates(*refusals_of_unsafe_prompts())

    found = {one.system: one.sensitivity for one in comparison.systems}
    assert comparison.differ
    # Counted from the published file: 175 of 195 refusals seen, and 8 of 47.
    assert found["gpt4"] == pytest.approx(175 / 195)
    assert found["mistralinstruct"] == pytest.approx(8 / 47)


def test_verdicts_missing_on_one_system_are_bounded() -> None:
    judge, human, systems = refusals_of_unsafe_prompts()
    mine = np.array(systems) == "mistralinstruct"
    judge, human = judge[mine], human[mine]
    truth = human.mean()
    labelled = ~np.isnan(judge) & (np.arange(judge.size) % 3 == 0)

    estimate = estimate_rate(judge, np.where(labelled, human, np.nan))

    assert int(np.isnan(judge).sum()) == 11
    assert estimate.low < truth < estimate.high
    assert any(
        "11 of 200 items have no verdict; they are carried as all good and as all bad" in one
        for one in estimate.warnings
    )


@pytest.mark.parametrize("design", ["random", "curated"])
def test_a_judge_below_chance_is_refused(design: str) -> None:
    table = ratings(shared_file("data", "human", "llmbar", "labels.csv.gz"))
    keys = sorted(key for key in table if key[0].startswith("Adversarial_Neighbor"))
    gold = np.array([table[key]["gold"] for key in keys])
    judge = np.array([table[key]["ChatGPT/Vanilla_NoRules#order1"] for key in keys])

    assert float((judge == gold).mean()) == pytest.approx(0.17, abs=0.01)
    with pytest.raises(UnusableJudge):
        estimate_rate(judge > 0, gold > 0, design=design)  # pyright: ignore[reportArgumentType] - a literal by its list
