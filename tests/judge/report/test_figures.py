"""Numbers as both languages write them; expected texts are those of the page's style."""

from judge.report import figures


def test_a_share_is_a_percentage_with_its_interval() -> None:
    written = figures.with_interval("share", 0.972, (0.951, 0.986))

    assert written.en == "97.2\u00a0% [95.1,\u00a098.6]"
    assert written.zh == "97.2% [95.1,\u00a098.6]"


def test_a_mean_has_two_decimals() -> None:
    assert figures.with_interval("mean", 5.5, (5.25, 5.75)).zh == "5.50 [5.25,\u00a05.75]"


def test_a_difference_has_its_sign() -> None:
    assert figures.change("share", -0.083).en == "\u22128.3"
    assert figures.change("share", 0.083).en == "+8.3"
    assert figures.change("mean", -0.5).en == "\u22120.50"


def test_a_difference_that_rounds_to_nothing_has_no_sign() -> None:
    assert figures.change("share", -0.0001).en == "0.0"


def test_ticks_are_no_longer_than_they_must_be() -> None:
    assert figures.tick("share", 0.05).zh == "5%"
    assert figures.tick("mean", 2.5).zh == "2.5"
    assert figures.tick("mean", -0.0).zh == "0"
    assert figures.change_tick("share", 0.1).en == "+10"


def test_thousands_are_parted_by_thin_spaces() -> None:
    assert figures.counted(1234567) == "1\u202f234\u202f567"
    assert figures.counted(999) == "999"
