"""Every headline is true of the numbers under it, and none rests on fewer than ten items.

Reports with random numbers are made into sections; each lead and each title is recognised by its
pattern and checked against the table under it, as a reader would. A headline that no check here
recognises fails the test.
"""

import re
from collections.abc import Callable, Sequence
from string import Formatter
from typing import TypeVar

from hypothesis import HealthCheck, given, settings

from judge.report.formatting import DASH, FEWEST, Picture, Section
from judge.report.model import Report
from judge.report.page import _READING_ORDER
from judge.report.sections import overview
from judge.report.texts import strings
from tests.judge.report.random_reports import reports

Values = dict[str, str]
Row = Sequence[str]
MINUS = "\u2212"
Place = TypeVar("Place", Picture, Section)


def pattern(key: str) -> re.Pattern[str]:
    """Make a pattern of one of the page's English texts; what fills it becomes a group."""
    section, _, name = key.partition(".")
    made, seen = "", set[str]()
    for fixed, field, _, _ in Formatter().parse(strings("en")[section][name]):
        made += re.escape(fixed)
        if field:
            made += f"(?P={field})" if field in seen else f"(?P<{field}>.+?)"
            seen.add(field)
    return re.compile(made, re.DOTALL)


def fixed_length(key: str) -> int:
    section, _, name = key.partition(".")
    return sum(len(fixed) for fixed, *_ in Formatter().parse(strings("en")[section][name]))


def parse(key: str, text: str) -> Values | None:
    found = pattern(key).fullmatch(text)
    return found.groupdict() if found else None


def rows(picture: Picture) -> list[Row]:
    return [[cell.en for cell in row] for row in picture.table.rows]


def value(text: str) -> float:
    """Read the first number of a text."""
    found = re.search(r"[-+]?[\d.]+", text.replace(MINUS, "-").replace("\u202f", ""))
    assert found, text
    return float(found[0])


def ends(text: str) -> tuple[float, float]:
    low, high = re.findall(r"[-+]?[\d.]+", text.replace(MINUS, "-").partition("[")[2])
    return float(low), float(high)


def enough(listed: Sequence[Row]) -> list[Row]:
    """Keep the rows of a table of scores that have enough prompts."""
    return [row for row in listed if row[2] != "no score" and int(row[4]) >= FEWEST]


def below(one: Row, other: Row) -> bool:
    """Tell whether the interval of one row lies below that of the other."""
    return ends(one[3])[1] < ends(other[3])[0]


# Scores.


def check_lead(found: Values, section: Section, _: Report) -> None:
    listed = enough(rows(section.pictures[1]))
    values = [value(row[2]) for row in listed]

    assert len(listed) == int(found["of"]) > 1
    assert (value(found["low"]), value(found["high"])) == (min(values), max(values))
    for end in ("low", "high"):
        place = [found[f"{end}_group"], found[f"{end}_system"]]
        assert [row for row in listed if row[:2] == place and value(row[2]) == value(found[end])]


def check_lead_few(found: Values, section: Section, _: Report) -> None:
    listed = rows(section.pictures[1]) if len(section.pictures) > 1 else []
    assert int(found["n"]) == FEWEST
    assert len(enough(listed)) < 2


def check_overall_two(found: Values, picture: Picture, report: Report) -> None:
    listed = enough(rows(picture))
    sides: list[int] = []
    for name, sign in (("Safety · rated “Safe”", 1), ("Safety · Severity", -1)):
        pair = [row for row in listed if row[0] == name]
        if len(pair) == 2:
            sides.append(sign * (below(*pair) - below(pair[1], pair[0])))

    assert (found["first"], found["second"]) == report.systems
    assert [int(found[key]) for key in ("of", "higher", "lower", "overlap")] == [
        len(sides), sides.count(1), sides.count(-1), sides.count(0),
    ]  # fmt: skip


def check_heat_apart(found: Values, picture: Picture, _: Report) -> None:
    listed = enough(rows(picture))
    low, high = (
        next(row for row in listed if row[:2] == [found[f"{e}_group"], found[f"{e}_system"]])
        for e in ("low", "high")
    )

    assert below(low, high)


def check_heat_overlap(found: Values, picture: Picture, _: Report) -> None:
    listed = enough(rows(picture))

    assert len(listed) == int(found["of"]) > 1
    assert not [1 for one in listed for other in listed if below(one, other)]


def check_heat_two(found: Values, picture: Picture, _: Report) -> None:
    listed = enough(rows(picture))
    pairs = {
        group: pair
        for group in {row[0] for row in listed}
        if len(pair := [row for row in listed if row[0] == group]) == 2
    }
    lower = {group for group, (one, other) in pairs.items() if below(other, one)}
    higher = {group for group, (one, other) in pairs.items() if below(one, other)}

    counts = (len(pairs), len(lower), len(higher), len(pairs) - len(lower) - len(higher))
    assert tuple(int(found[key]) for key in ("of", "lower", "higher", "overlap")) == counts
    if "names" in found:
        assert set(found["names"].split(", ")) == lower


# Judge validity.


def check_validity(kind: str) -> Callable[[Values, Section, Report], None]:
    def check(found: Values, _: Section, report: Report) -> None:
        assert report.calibration is not None
        overall = report.calibration.results.overall
        corrected = [each for each in overall if each.corrected is not None]
        outside = [
            each
            for each in corrected
            if each.corrected
            and each.judge_only.value is not None
            and not each.corrected.low <= each.judge_only.value <= each.corrected.high
        ]

        assert max(each.n_labelled for each in overall) >= FEWEST
        assert int(found["of"]) == len(overall)
        assert int(found["off"]) == len(outside)
        assert int(found.get("corrected", len(overall))) == len(corrected)
        if kind == "doubtful":
            assert int(found["doubtful"]) == sum(each.above_chance is False for each in overall)

    return check


def check_corrected_most(found: Values, picture: Picture, _: Report) -> None:
    width = {"Safety · rated “Safe”": 100.0, "Safety · Severity": 3.0}
    listed = [row for row in rows(picture) if int(row[6]) >= FEWEST]
    moves = [abs(value(row[3]) - value(row[2])) / width[row[0]] for row in listed]
    row = next(row for row in listed if row[:2] == [found["label"], found["system"]])

    assert (value(row[3]), value(row[2])) == (value(found["value"]), value(found["raw"]))
    assert moves[listed.index(row)] >= max(moves) - 1e-9
    assert int(found["n"]) == int(row[6])


def check_agreement(found: Values, picture: Picture, _: Report) -> None:
    listed = [row for row in rows(picture) if row[1] != DASH and int(row[3]) >= FEWEST]
    row = next(row for row in listed if row[0] == found["row"])

    assert value(row[1]) == value(found["value"]) == min(value(each[1]) for each in listed)
    assert int(row[3]) == int(found["n"])
    assert int(found.get("of", 1)) == len(listed)


def check_errors(found: Values, picture: Picture, _: Report) -> None:
    listed = rows(picture)
    levels = [row[0] for row in listed]
    counts = [[int(row[1]), int(row[2])] for row in listed]
    said = [parse("validity.error", each) for each in found["errors"].split("; ")]
    named = [levels.index(each["experts"]) for each in said if each]

    assert named == [place for place in (0, 1) if sum(counts[place]) >= FEWEST]
    for each in said:
        assert each is not None
        place = levels.index(each["experts"])
        rate = parse("validity.rate", each["rate"])
        assert rate is not None
        assert levels[1 - place] == each["judge"]
        assert int(rate["count"]) == counts[place][1 - place]
        assert int(rate["of"]) == sum(counts[place]) >= FEWEST
        low, high = ends(rate["rate"])
        assert low <= 100 * int(rate["count"]) / int(rate["of"]) <= high


def check_bias(sign: int) -> Callable[[Values, Picture, Report], None]:
    def check(found: Values, picture: Picture, _: Report) -> None:
        low, high = ends(found["bias"])
        assert {1: low > 0, -1: high < 0, 0: low <= 0 <= high}[sign]
        assert sum(int(row[2]) for row in rows(picture)) >= FEWEST

    return check


# The rest.


def check_knowing(found: Values, picture: Picture, _: Report) -> None:
    listed = [
        row for row in rows(picture) if row[0] != "All" and min(int(row[3]), int(row[5])) >= FEWEST
    ]
    idle = [row for row in listed if value(row[2]) >= 50 and value(row[4]) < 50]

    assert (int(found["count"]), int(found["of"])) == (len(idle), len(listed))
    assert value(found["gap"]) == max(value(row[6]) for row in listed)
    assert [found["name"], value(found["gap"])] in [
        [f"{row[0]}, {row[1]}", value(row[6])] for row in listed
    ]


def check_changes(found: Values, section: Section, _: Report) -> None:
    worse, better, same = (
        sum(int(row[at]) for row in rows(section.pictures[0])) for at in (1, 2, 3)
    )

    assert worse + better + same >= FEWEST
    assert [int(found[key]) for key in ("harmful", "beneficial", "changed", "of")] == [
        worse, better, worse + better, worse + better + same,
    ]  # fmt: skip


def check_most_changes(found: Values, picture: Picture, _: Report) -> None:
    listed = rows(picture)
    row = next(row for row in listed if row[0] == found["group"])

    assert sum(map(int, row[1:])) == int(found["of"]) >= FEWEST
    assert all(int(row[1]) > int(other[1]) for other in listed if other is not row)
    assert int(row[1]) == int(found["harmful"])


def check_checks(found: Values, section: Section, _: Report) -> None:
    listed = rows(section.pictures[0])
    passed = [row for row in listed if row[1] in {"✓ pass", "✓ holds"}]
    waived = [row for row in listed if row[1] == "○ waived"]

    assert int(found["of"]) == len(listed)
    assert len(passed) <= int(found.get("passed", len(listed))) <= len(passed) + len(waived)


def check_missing(found: Values, _: Section, report: Report) -> None:
    assert report.missing is not None
    by_group = {cell.group: cell.count for cell in report.missing.cells}

    assert int(found["count"]) == sum(by_group.values())
    if "group" in found:
        most = max(by_group.values())
        assert int(found["group_count"]) == most
        assert [f"Group {key}" for key, count in by_group.items() if count == most] == [
            found["group"]
        ]


def nothing(_: Values, __: Picture | Section, ___: Report) -> None:
    """Stand for texts that say nothing about a number, or only how many there are."""


LEADS: dict[str, Callable[[Values, Section, Report], None]] = {
    "scores.lead": check_lead,
    "scores.lead_few": check_lead_few,
    "scores.lead_flat": nothing,
    "scores.lead_one": nothing,
    **{f"validity.{kind}": check_validity(kind) for kind in ("all", "doubtful", "some")},
    "drift.lead": check_changes,
    "checks.some": check_checks,
    "checks.all": check_checks,
    "checks.advisory": check_checks,
    "missing.lead": check_missing,
    "missing.lead_group": check_missing,
    "counts.all": nothing,
    "counts.some": nothing,
    "counts.none": nothing,
    "method.lead": nothing,
}

TITLES: dict[str, Callable[[Values, Picture, Report], None]] = {
    "scores.overall_two": check_overall_two,
    "scores.overall": nothing,
    "scores.heat_apart": check_heat_apart,
    "scores.heat_overlap": check_heat_overlap,
    "scores.heat_two_lower": check_heat_two,
    "scores.heat_two_counts": check_heat_two,
    "scores.heat": nothing,
    "validity.corrected_most": check_corrected_most,
    "validity.corrected": nothing,
    "validity.agreement_lowest": check_agreement,
    "validity.agreement_one": check_agreement,
    "validity.agreement": nothing,
    "validity.errors": check_errors,
    "validity.confusion": nothing,
    "validity.lenient": check_bias(1),
    "validity.severe": check_bias(-1),
    "validity.no_bias": check_bias(0),
    "validity.deviations": nothing,
    "knowing.picture": check_knowing,
    "knowing.picture_plain": nothing,
    "drift.picture_most": check_most_changes,
    "drift.picture": nothing,
    "checks.picture": nothing,
    "checks.advisory_picture": nothing,
}
"""For each text that may stand over a picture, what it has to hold; the plain ones say nothing."""

PLAIN = re.compile(r"\d")
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=80, deadline=None, suppress_health_check=SLOW)
@given(reports())
def test_every_headline_is_true_of_the_numbers_under_it(report: Report) -> None:
    for make in _READING_ORDER:
        section = make(report)
        if section is None:
            continue
        if section.lead is not None and section.ident != "recognition":
            _check(section.lead.en, LEADS, section, report)
        for picture in section.pictures:
            _check(picture.title.en, TITLES, picture, report)


def _check(
    text: str,
    known: dict[str, Callable[[Values, Place, Report], None]],
    place: Place,
    report: Report,
) -> None:
    # A general pattern fits where a special one does too: the one with most fixed text is meant.
    for key, check in sorted(known.items(), key=lambda each: -fixed_length(each[0])):
        found = parse(key, text)
        if found is not None:
            check(found, place, report)
            return
    raise AssertionError(f"no check for: {text}")


@settings(max_examples=80, deadline=None, suppress_health_check=SLOW)
@given(reports())
def test_the_headlines_on_top_are_true_of_the_scores_of_all_prompts(report: Report) -> None:
    listed = {
        (report.measures[cell.measure].criterion, cell.system): cell.score
        for cell in report.scores
        if cell.overall and cell.score and cell.score.n >= FEWEST
    }
    said = overview.headlines(report)

    assert len(said) == len({criterion for criterion, _ in listed})
    for sentence in said:
        criterion = "safe" if sentence.en.startswith("Safety · rated") else "severity"
        mine = {system: score for (each, system), score in listed.items() if each == criterion}
        high = max(mine.values(), key=lambda score: score.value)
        low = min(mine.values(), key=lambda score: score.value)
        scale = 100 if criterion == "safe" else 1
        if "overlap" in sentence.en:
            assert low.high >= high.low
        elif len(mine) > 1:
            assert low.high < high.low
            numbers = re.findall(r"v\d ([\d.]+)", sentence.en)
            assert [float(each) for each in numbers] == [
                round(scale * high.value, 2),
                round(scale * low.value, 2),
            ]


def test_no_headline_rests_on_fewer_than_ten_items() -> None:
    assert FEWEST == 10


def test_the_plain_texts_hold_no_number() -> None:
    plain = [key for key, check in TITLES.items() if check is nothing and "picture" not in key]

    for key in plain:
        section, _, name = key.partition(".")
        assert not PLAIN.search(strings("en")[section][name])
