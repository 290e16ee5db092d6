"""A part held against its labels: what is reported, and what is refused."""

import numpy as np
import pytest

from judge.calibrate.analysis import calibrate, examine
from judge.calibrate.calibration_set import Counting
from judge.calibrate.result import verdict
from tests.judge.calibrate.calibration_material import NAN, part

MEAN = Counting(low=1.0, high=10.0)
# The judge passes 80 of 100; among 40 labels experts fail 4 of the 32 that it passes and pass 1 of
# the 8 that it fails: .8 * 28/32 + .2 * 1/8 = .725.
VERDICTS = [1.0] * 80 + [0.0] * 20
LABELS = [1.0] * 28 + [0.0] * 4 + [NAN] * 48 + [1.0] + [0.0] * 7 + [NAN] * 12


def test_the_corrected_rate_is_the_experts_rate_by_verdict() -> None:
    found = examine(part(VERDICTS, LABELS), design="random")

    assert found.corrected is not None
    assert found.corrected.value == pytest.approx(0.725)
    assert found.corrected.low < 0.725 < found.corrected.high
    assert found.judge_only.value == pytest.approx(0.8)
    assert found.judge_only.valid is False
    assert found.human_only is not None


def test_missing_verdicts_bound_the_judges_own_score_and_are_counted() -> None:
    found = examine(part([1.0] * 8 + [NAN] * 2, [1.0] * 4 + [0.0] * 6), design="random")

    assert found.n_missing == 2
    assert (found.judge_only.low, found.judge_only.high) == (0.8, 1.0)


def test_a_judge_below_chance_is_refused_and_the_labels_still_speak() -> None:
    human = [0.0, 1.0] * 30

    found = examine(part([1.0, 0.0] * 30, human), design="random")

    assert found.unusable
    assert found.corrected is None
    assert found.human_only is not None
    assert found.human_only.low < 0.5 < found.human_only.high


def test_one_label_gives_no_number_at_all() -> None:
    found = examine(part(VERDICTS, [1.0] + [NAN] * 99), design="random")

    assert found.corrected is None
    assert found.human_only is None
    assert {each.kind for each in found.refusals if each.what == "corrected"} == {
        "InsufficientLabels"
    }


def test_a_curated_set_gives_no_interval_of_the_labels_alone() -> None:
    human = [1.0] * 15 + [0.0] * 2 + [NAN] * 63 + [0.0] * 15 + [1.0] * 2 + [NAN] * 3

    found = examine(part(VERDICTS, human), design="curated")

    assert found.corrected is not None
    assert found.human_only is None


def test_a_curated_set_cannot_correct_a_mean() -> None:
    levels = [float(1 + n % 10) for n in range(40)]

    found = examine(part(levels, levels, counting=MEAN), design="curated")

    assert found.corrected is None
    assert found.human_only is None


def test_a_mean_stays_on_its_scale_and_reports_its_bias() -> None:
    judged = [float(4 + n % 6) for n in range(60)]
    human = [level - 1.0 if n < 30 else NAN for n, level in enumerate(judged)]

    found = examine(part(judged, human, counting=MEAN), design="random")

    assert found.corrected is not None
    assert 1.0 <= found.corrected.low <= found.corrected.value <= found.corrected.high <= 10.0
    assert found.corrected.value == pytest.approx(5.5, abs=0.2)
    assert found.agreement is not None
    assert "differences are equal" in found.agreement.undefined["bias"]


def test_tied_experts_leave_an_item_unlabelled_and_say_so() -> None:
    found = examine(part([1.0] * 6, [1.0] * 6, [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]), design="random")

    assert (found.n_labelled, found.n_tied) == (4, 2)
    assert any("no majority" in warning for warning in found.warnings)


def test_an_adjudicator_settles_items_and_is_no_peer() -> None:
    found = examine(
        part(VERDICTS, LABELS, LABELS, [1.0] * 32 + [NAN] * 48 + [1.0] * 8 + [NAN] * 12, gold="e3"),
        design="random",
    )

    assert found.raters == 2
    assert found.n_labelled == 40
    assert found.agreement is not None
    assert found.agreement.table == ((0, 0), (8, 32))


def test_a_single_expert_sets_no_ceiling() -> None:
    found = examine(part(VERDICTS, LABELS), design="random")

    assert found.ceiling is None
    assert any(each.what == "ceiling" for each in found.refusals)


def test_experts_who_agree_set_a_ceiling_that_the_judge_is_measured_by() -> None:
    found = examine(part(VERDICTS, LABELS, LABELS), design="random")

    assert found.ceiling is not None
    assert found.ceiling.experts.value == pytest.approx(1.0)
    assert found.ceiling.ratio is not None
    assert found.ceiling.ratio.value < 1.0


def test_labels_of_one_group_do_not_speak_for_all() -> None:
    groups = ["law"] * 50 + ["health"] * 50
    one = part([1.0] * 100, [1.0] * 20 + [NAN] * 80, groups=groups)

    found = calibrate([one], design="random", source="s", labels="l")

    assert found.shifted
    assert found.overall[0].corrected is None
    assert found.overall[0].human_only is None
    assert found.overall[0].unlabelled_groups == ("health",)
    assert [each.group for each in found.findings] == [None, "law"]
    assert found.findings[1].corrected is not None
    said = list(verdict(found))
    assert any("the draw was not random: no item of health has a label" in line for line in said)
    assert any("law only: corrected score" in line for line in said)


def test_a_judge_that_misses_the_rare_class_is_good_for_the_rate_alone() -> None:
    # 150 answers, 21 fail; the judge finds 3 of them.
    human = [0.0] * 21 + [1.0] * 129
    judged = [0.0] * 3 + [1.0] * 147

    found = calibrate([part(judged, human)], design="random", source="s", labels="l")

    finding = found.overall[0]
    assert (finding.recalls[0].found, finding.recalls[0].n) == (3, 21)
    assert finding.recalls[0].rate.low < 0.05
    assert finding.uses is not None
    assert finding.uses.rate.good
    assert not finding.uses.single_items.good
    assert not finding.uses.veto.good
    assert any(
        "Recall of fails: 3 of 21 labelled" in line and "not single verdicts or a veto" in line
        for line in verdict(found)
    )


def test_the_errors_of_a_single_expert_are_said_to_count_as_the_systems() -> None:
    one = examine(part(VERDICTS, LABELS), design="random")
    several = examine(part(VERDICTS, LABELS, LABELS), design="random")

    assert any("One expert labelled each item" in warning for warning in one.warnings)
    assert not any("One expert labelled each item" in warning for warning in several.warnings)


def test_labels_that_were_not_drawn_evenly_are_said_to_describe_themselves() -> None:
    found = examine(part(VERDICTS, LABELS), design="by-verdict")

    assert any("not drawn evenly" in warning for warning in found.warnings)


def test_a_judge_that_errs_differently_on_systems_is_said_to() -> None:
    good = part([1.0, 0.0] * 50, [1.0, 0.0] * 50, system="a")
    blind = part([1.0, 1.0] * 50, [1.0, 0.0] * 50, system="b")

    found = calibrate([good, blind], design="random", source="s", labels="l")

    assert [each.differ for each in found.error_rates] == [True]


def test_a_judge_that_is_below_chance_everywhere_is_untrusted() -> None:
    reversed_ = part([1.0, 0.0] * 30, [0.0, 1.0] * 30)

    found = calibrate([reversed_], design="random", source="s", labels="l")

    assert found.untrusted


def test_the_same_labels_give_the_same_digits() -> None:
    material = part(VERDICTS, LABELS, LABELS)

    first = calibrate([material], design="random", source="s", labels="l")
    second = calibrate([material], design="random", source="s", labels="l")

    assert first.model_dump_json() == second.model_dump_json()


def test_groups_are_examined_one_by_one_where_asked() -> None:
    groups = ["law", "health"] * 50

    found = calibrate(
        [part(VERDICTS, LABELS, groups=groups)],
        design="random",
        source="s",
        labels="l",
        by_group=True,
    )

    assert [each.group for each in found.findings] == [None, "health", "law"]
    assert np.sum([each.n for each in found.findings[1:]]) == 100


def test_without_a_source_the_difference_that_could_stay_unseen_is_said() -> None:
    verdicts = [1.0, 1.0, 1.0, 1.0, 0.0] * 60
    some = [*verdicts[:30], *[NAN] * 270]

    bare = examine(part(verdicts, some), design="random")
    named = examine(part(verdicts, some, groups=["law"] * 300), design="random")

    # (1.96 + .84) sqrt(.78 .22 / 32 + .80 .20 / 272) is 22 points: 25 of 32 and 217 of 272.
    said = [each for each in bare.warnings if "No column names the sources" in each]
    assert len(said) == 1
    assert "with 30 labels a difference of 22 points" in said[0]
    assert not any("No column names the sources" in each for each in named.warnings)
