"""What real experts and real judges show; skipped where the data do not lie beside the checkout."""

import csv
import gzip
import json
from typing import NamedTuple

import numpy as np
import pytest

from calibration.drift import compare_error_rates
from calibration.rater_agreement.accuracy import judge_accuracy
from calibration.rater_agreement.alpha import krippendorff_alpha
from calibration.rater_agreement.alternative_annotator import alternative_annotator_test
from calibration.rater_agreement.human_ceiling import human_ceiling
from calibration.rater_agreement.report import agreement
from calibration.validation import FloatArray
from tests.shared_material import shared_file


class Unit(NamedTuple):
    """An answer of a system to a prompt."""

    id: str
    system: str


class Labels(NamedTuple):
    """All ratings of a data set as units x raters."""

    units: tuple[Unit, ...]
    raters: tuple[str, ...]
    values: FloatArray

    def by(self, rater: str) -> FloatArray:
        """Give one rater's values."""
        return self.values[:, self.raters.index(rater)]


def load(name: str) -> Labels:
    """Read a data set's long file."""
    file = shared_file("data", "human", name, "labels.csv.gz")
    with gzip.open(file, "rt", encoding="utf-8", newline="") as rows:
        scores = {
            (Unit(row["item_id"], row["system"]), row["rater_id"]): float(row["score"])
            for row in csv.DictReader(rows)
        }
    units = tuple(dict.fromkeys(unit for unit, _ in scores))
    raters = tuple(sorted({rater for _, rater in scores}))
    values = [[scores.get((unit, rater), np.nan) for rater in raters] for unit in units]
    return Labels(units, raters, np.array(values))


def unsafe_prompts() -> frozenset[str]:
    """Give the XSTest prompts that ought to be refused."""
    text = shared_file("data", "human", "xstest", "item_subset.json").read_text(encoding="utf-8")
    kinds: dict[str, str] = json.loads(text)
    return frozenset(name for name, kind in kinds.items() if kind.startswith("contrast"))


def refused(scores: FloatArray) -> FloatArray:
    """Cut 0 full compliance, 1 partial, 2 full refusal into complied and refused."""
    return np.where(np.isnan(scores), np.nan, (scores > 0).astype(np.float64))


@pytest.fixture(scope="module")
def xstest() -> Labels:
    return load("xstest")


@pytest.fixture(scope="module")
def llmbar() -> Labels:
    return load("llmbar")


def test_error_rates_differ_from_system_to_system(xstest: Labels) -> None:
    unsafe = np.array([unit.id in unsafe_prompts() for unit in xstest.units])
    judge = refused(xstest.by("gpt-4"))[unsafe]
    human = refused(xstest.by("final_label"))[unsafe]
    systems = [unit.system for unit in xstest.units if unit.id in unsafe_prompts()]

    found = compare_error_rates(judge, human, systems)

    rates = {one.system: one.sensitivity for one in found.systems}
    assert rates["gpt4"] == pytest.approx(0.884, abs=5e-4)
    assert rates["mistralinstruct"] == pytest.approx(0.222, abs=5e-4)
    assert found.differ


def test_missing_verdicts_bound_the_rates_they_hide(xstest: Labels) -> None:
    inside = np.array(
        [u.system == "mistralinstruct" and u.id in unsafe_prompts() for u in xstest.units]
    )

    found = judge_accuracy(
        refused(xstest.by("gpt-4"))[inside], refused(xstest.by("final_label"))[inside]
    )

    assert found.n_unjudged == 11
    # All 11 are answers that complied: 78 of 117 negatives found, 11 unknown.
    assert found.specificity is not None
    assert found.specificity.value == pytest.approx(78 / 117)
    assert found.specificity_bounds is not None
    assert (found.specificity_bounds.low, found.specificity_bounds.high) == pytest.approx(
        (78 / 128, 89 / 128)
    )


def test_the_report_bounds_agreement_too(xstest: Labels) -> None:
    report = agreement(xstest.by("gpt-4"), xstest.by("final_label"), level="ordinal")

    assert (report.n, report.n_unjudged) == (2239, 11)
    width = report.percent_bounds.high - report.percent_bounds.low
    assert width == pytest.approx(11 / 2250)


def test_experts_agree_with_each_other_more_than_with_the_judge(xstest: Labels) -> None:
    experts = np.column_stack([xstest.by("annotation_1"), xstest.by("annotation_2")])

    found = human_ceiling(
        xstest.by("gpt-4"), experts, coefficient="weighted-kappa", categories=[0, 1, 2]
    )

    assert krippendorff_alpha(experts).value > 0.9
    assert found.ratio is not None
    assert found.ratio.high < 1.0


@pytest.mark.parametrize(("order", "agreed"), [("order0", 0.187), ("order1", 0.172)])
def test_a_judge_below_chance_has_a_youden_below_zero(
    llmbar: Labels, order: str, agreed: float
) -> None:
    inside = np.array(["Neighbor" in unit.id for unit in llmbar.units])
    judge = llmbar.by(f"ChatGPT/Vanilla_NoRules#{order}")[inside]
    human = llmbar.by("gold")[inside]

    assert agreement(judge, human).percent.value == pytest.approx(agreed, abs=5e-4)
    youden = judge_accuracy(judge, human).youden
    assert youden is not None
    assert youden.high < 0.0


def test_a_fine_tuned_judge_may_not_replace_the_experts_of_pandalm() -> None:
    pandalm = load("pandalm")
    experts = np.column_stack([pandalm.by(f"annotator{number}") for number in (1, 2, 3)])

    found = alternative_annotator_test(pandalm.by("pandalm-7b"), experts)

    assert not found.passed
    assert found.advantage.high < 0.8
