"""What a calibration says beside the scores: of experts, single items, and what moves a judge."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from judge.calibrate.analysis import Aims, calibrate, examine
from judge.calibrate.calibration_set import Counting, Earlier, Part, Question, column_trait
from judge.calibrate.from_files import material
from judge.calibrate.from_run import parts
from judge.calibrate.result import Finding, verdict
from judge.errors import ConfigError
from tests.judge.calibrate.calibration_material import NAN, labels, part, scores, table

SCALE = Counting(low=1.0, high=5.0)
# Six items by four raters, Shrout and Fleiss (1979), table 2; ICC(2,1) is .29 in their table 4.
TARGETS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def why(found: Finding, what: str) -> str:
    return next(each.why for each in found.refusals if each.what == what)


def lenient(n: int = 200) -> Part:
    """Make a judge that passes every long response and fails every short one that experts fail."""
    long = np.tile([0.0, 1.0], n // 2)
    human = np.tile([1.0, 1.0, 0.0, 0.0, 1.0], n // 5)
    made = part(np.maximum(human, long).tolist(), human.tolist())
    return replace(made, traits={"length": long})


def test_four_raters_are_as_reliable_as_in_the_published_example() -> None:
    columns = [[float(row[rater]) for row in TARGETS] for rater in range(4)]
    judged = [5.0, 3.0, 6.0, 4.0, 7.0, 5.0]

    found = examine(
        part(judged, *columns, counting=Counting(low=1.0, high=10.0)), design="random"
    ).consistency

    assert found is not None
    assert found.single is not None
    assert found.single.value == pytest.approx(0.29, abs=0.005)
    assert found.needed == 10
    assert found.severity["e2"].high < 0.0 < found.severity["e1"].low


def test_one_expert_cannot_be_consistent() -> None:
    found = examine(part([1.0, 0.0] * 20, [1.0, 0.0] * 20), design="random")

    assert found.consistency is None
    assert "needs 2 on the same items" in why(found, "consistency")


def test_a_property_that_moves_the_judge_is_measured_and_spoken_of() -> None:
    found = calibrate([lenient()], design="random", source="s", labels="l")

    (battery,) = (each.bias for each in found.overall)
    assert battery is not None
    (effect,) = battery.effects
    # Experts fail two of five; the judge passes them where they are long: .4 of the items.
    assert effect.error.value == pytest.approx(0.4)
    assert effect.error.low > 0.0
    assert effect.corrected_shift.low <= 0.0 <= effect.corrected_shift.high
    assert any("length biases the judge: +40.0 [" in line for line in verdict(found))


def test_what_is_not_known_of_the_responses_is_named_with_its_reason() -> None:
    found = examine(part([1.0, 0.0] * 20, [1.0, 0.0] * 20), design="random")

    assert found.bias is not None
    assert found.bias.effects == ()
    assert set(found.bias.unmeasured) == {"length", "chinese", "refusal", "order"}


@pytest.mark.parametrize("what", ["bias", "handover", "single-item"])
def test_an_uneven_draw_says_nothing_of_single_items_or_bias(what: str) -> None:
    found = examine(lenient(), design="by-verdict")

    assert "not drawn evenly" in why(found, what)


@pytest.mark.parametrize("what", ["bias", "handover", "single-item"])
def test_items_that_share_a_prompt_say_nothing_of_single_items_or_bias(what: str) -> None:
    made = replace(lenient(), clusters=tuple(f"p{n // 2}" for n in range(200)))

    assert "one labelled item for each prompt" in why(examine(made, design="random"), what)


def test_a_single_item_lies_where_the_labelled_ones_lie() -> None:
    # The judge is one too high on half the items: within 95 %, the label is 0 or 1 below it.
    judged = [3.0, 4.0] * 30
    human = [3.0, 3.0] * 30

    found = examine(part(judged, human, counting=SCALE), design="random").single_item

    assert found is not None
    assert (found.below, found.above, found.n) == (-1.0, 0.0, 60)
    assert [(each.verdict, each.low, each.high) for each in found.by_verdict] == [
        (3.0, 2.0, 3.0),
        (4.0, 3.0, 4.0),
    ]


def test_too_few_labels_bound_no_single_item() -> None:
    found = examine(part([1.0, 0.0] * 15, [1.0, 0.0] * 15), design="random")

    assert found.single_item is None
    assert why(found, "single-item") == "all: 30 labels where 39 are needed."


def test_unsure_verdicts_go_to_an_expert() -> None:
    sure = np.array([1.0] * 80 + [0.6] * 20)
    made = part([1.0] * 100, [1.0] * 80 + [0.0, 1.0] * 10)

    found = examine(replace(made, certainty=sure), design="random").handover

    assert found is not None
    assert found.to_expert == tuple((f"p{n}", "m", 0) for n in range(80, 100))
    assert found.guaranteed >= 0.9
    assert found.kept_share == pytest.approx(0.8)


def test_verdicts_that_are_all_alike_in_certainty_cannot_be_handed_over() -> None:
    found = examine(part([1.0] * 50, [1.0] * 50), design="random")

    assert "nothing tells sure verdicts from others" in why(found, "handover")


def test_drift_counts_flips_and_says_whether_agreement_fell() -> None:
    human = [1.0, 0.0] * 50
    made = part([1.0] * 20 + human[20:], human)
    earlier = Earlier(name="j-1", verdicts=np.array(human))

    found = calibrate([replace(made, earlier=earlier)], design="random", source="s", labels="l")

    change = found.overall[0].drift
    assert change is not None
    assert (change.before, change.n, change.fell, change.rose) == ("j-1", 100, 0, 10)
    assert change.accuracy is not None
    assert change.accuracy.agreement_change.value == pytest.approx(-0.1)
    assert change.accuracy.agreement_change.high < 0.0
    assert any("against j-1 10 of 100 verdicts changed" in line for line in verdict(found))


def test_without_common_items_drift_is_undefined() -> None:
    earlier = Earlier(name="j-1", verdicts=np.full(40, NAN))

    found = examine(
        replace(part([1.0, 0.0] * 20, [1.0, 0.0] * 20), earlier=earlier), design="random"
    )

    assert found.drift is None
    assert "no anchor has a verdict of both" in why(found, "drift")


def test_a_judge_kinder_to_its_own_family_shows_it() -> None:
    human = [1.0, 1.0, 0.0, 0.0, 1.0] * 20
    own = part([1.0] * 100, human, system="own")
    other = part(human, human, system="other")

    found = calibrate(
        [own, other], design="random", source="s", labels="l", aims=Aims(family=("own",))
    )

    (preference,) = found.self_preference
    assert preference.effect is not None
    assert preference.effect.error.value == pytest.approx(0.4)


def test_repeats_say_how_sure_a_verdict_is_and_texts_how_long(tmp_path: Path) -> None:
    file = table(
        tmp_path / "s.csv",
        (
            {
                "id": f"p{n}", "judge": "j", "criterion": "safe", "repeat": repeat,
                "score": int(repeat < 2 or n > 0), "response": "好" * 3 if n else "a" * 7,
            }
            for n in range(2)
            for repeat in range(3)
        ),
    )  # fmt: skip
    human = labels(tmp_path / "l.csv", {0: 1, 1: 1}, system="default")

    (made,) = parts(material(file, human, question=Question()))

    assert made.certainty is not None
    assert made.certainty.tolist() == pytest.approx([2 / 3, 1.0])
    assert made.traits["length"].tolist() == [3.0, 2.0]
    assert made.traits["chinese"].tolist() == [0.0, 1.0]


def test_an_earlier_file_of_another_name_is_the_earlier_version(tmp_path: Path) -> None:
    now = scores(tmp_path / "now.csv", [1, 1, 0])
    before = table(
        tmp_path / "before.csv",
        [{"id": "p0", "system": "m", "judge": "j-0", "criterion": "safe", "score": 0}],
    )
    human = labels(tmp_path / "l.csv", {0: 1, 1: 1})

    (made,) = parts(material(now, human, question=Question(), earlier=before))

    assert made.earlier is not None
    assert made.earlier.name == "j-0"
    np.testing.assert_array_equal(made.earlier.verdicts, [0.0, NAN, NAN])


def test_a_column_of_two_words_is_a_property_and_one_of_three_is_refused() -> None:
    name, values = column_trait("tone", ["calm", "stern", ""])

    assert name == "tone = stern"
    np.testing.assert_array_equal(values, [0.0, 1.0, NAN])
    with pytest.raises(ConfigError, match="holds 3 different texts"):
        column_trait("tone", ["a", "b", "c"])
