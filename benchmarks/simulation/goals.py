"""The goals that the simulation is held to; a coverage may miss by its Monte Carlo error."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import sqrt

from simulation.methods import ALONE, BY_SOURCE, FOR_ALL, GATE, LEE, OURS, WITHOUT
from simulation.settings import FIRST, SHIFT

Row = dict[str, object]
_SIGMAS = 3.0  # the smallest of a hundred cells lies about 2.5 standard errors low by chance


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What was wanted and what was measured; ``slack`` is the Monte Carlo error allowed."""

    name: str
    measured: float
    least: float | None = None
    most: float | None = None
    slack: float = 0.0

    @property
    def met(self) -> bool:
        """Whether the goal is reached, up to the slack."""
        low = self.least is None or self.measured >= self.least - self.slack
        return low and (self.most is None or self.measured <= self.most + self.slack)

    @property
    def wanted(self) -> str:
        """The goal in words."""
        parts = []
        if self.least is not None:
            parts.append(f">= {self.least:g}")
        if self.most is not None:
            parts.append(f"<= {self.most:g}")
        return " ".join(parts)

    def as_row(self) -> Row:
        """Give the goal as a record for JSON."""
        return asdict(self) | {"met": self.met}


def check_goals(rows: list[Row]) -> list[Goal]:
    """Hold the rows against every goal whose section was simulated."""
    return [
        *_binary(rows),
        *_others(rows),
        *_paired_widths(rows),
        *_agreement(rows),
        *_shift(rows),
        *_alarms(rows),
    ]


def _binary(rows: list[Row]) -> Iterator[Goal]:
    ours = _rows(rows, "binary", OURS)
    if not ours:
        return
    yield _coverage("binary grid: smallest coverage", ours, 0.94)
    yield Goal(name="binary grid: share answered", measured=_least(ours, "answered"), least=1.0)
    gate = _rows(rows, "binary", GATE)
    if gate:
        worst, slack = max(float(row["false_pass"]) for row in gate), _error(0.05, gate)
        name = "gate: largest false pass at the floor"
        yield Goal(name=name, measured=worst, most=0.05, slack=slack)
    at_30 = {"n": 30}
    for name, most in ((ALONE, 0.80), (LEE, 0.52), ("evalstats", 0.82)):
        others = _rows(rows, "binary", name, **at_30)
        if others:
            ratio = _width(_rows(rows, "binary", OURS, **at_30)) / _width(others)
            yield Goal(name=f"binary grid, n = 30: width against {name}", measured=ratio, most=most)


def _others(rows: list[Row]) -> Iterator[Goal]:
    curated = _rows(rows, "curated", OURS)
    if curated:
        yield _coverage("curated: smallest coverage", curated, 0.94)
        lee = _width(_rows(rows, "curated", LEE))
        ratio = _width(curated) / lee
        yield Goal(name="curated: width against Lee et al.", measured=ratio, most=0.95)
    for section, setting, name in (
        ("lenient", "", "judges that pass nearly all: smallest coverage"),
        ("by-verdict", "", "labels by verdict: smallest coverage"),
        ("clustered", "0.97", "clustered, rate .97: smallest coverage"),
        ("ordinal", "", "means: smallest coverage"),
        ("paired", "", "paired: smallest coverage"),
        ("strata", "", "strata drawn at unequal rates: smallest coverage"),
        ("turns", "", "harmful turns, 2 to 30 a session, ICC 0 to .5: smallest coverage"),
        ("sessions", "", "harmed sessions, 2 to 30 turns, ICC 0 to .5: smallest coverage"),
    ):
        mine = [row for row in _rows(rows, section, OURS) if setting in str(row["setting"])]
        if mine:
            yield _coverage(name, mine, 0.94)
        if mine and section == "ordinal":
            yield _tail("means: largest tail", mine)
    for section, name in (
        ("lenient", "gate on judges that pass nearly all: largest false pass at the floor"),
        ("paired", "paired gate: largest false pass at the margin"),
        ("strata", "gate on strata: largest false pass at the floor"),
        ("turns", "gate on harmful turns: largest false pass at the ceiling"),
        ("sessions", "gate on harmed sessions: largest false pass at the ceiling"),
    ):
        mine = _rows(rows, section, GATE)
        if mine:
            worst = max(float(row["false_pass"]) for row in mine)
            yield Goal(name=name, measured=worst, most=0.05, slack=_error(0.05, mine))
    flat = sum(int(row.get("zero_width", 0)) for row in rows if str(row["method"]).startswith(OURS))
    yield Goal(name="intervals of zero width", measured=float(flat), most=0.0)


def _paired_widths(rows: list[Row]) -> Iterator[Goal]:
    ours = _rows(rows, "paired", OURS)
    for n, most in ((30, 1.67), (100, 1.33)):
        first = [row for row in ours if row["n"] == n and str(row["setting"]).startswith(FIRST)]
        if first:
            ratio = sum(float(row["width"]) / float(row["limit"]) for row in first) / len(first)
            yield Goal(name=f"paired, n = {n}: width over the limit", measured=ratio, most=most)
    alone = {
        (row["setting"], row["n"]): float(row["width"]) for row in _rows(rows, "paired", ALONE)
    }
    beside = [row for row in ours if (row["setting"], row["n"]) in alone]
    if beside:
        short = [float(row["width"]) <= alone[row["setting"], row["n"]] for row in beside]
        share = sum(short) / len(short)
        yield Goal(
            name="paired: share of cells no wider than the labels", measured=share, least=0.9
        )


def _agreement(rows: list[Row]) -> Iterator[Goal]:
    mine = [row for row in rows if row["section"] == "agreement" and "coverage" in row]
    ours = [row for row in mine if ", rival" not in str(row["method"])]
    if ours:
        yield _coverage("agreement: smallest coverage", ours, 0.94)
        yield _tail("agreement: largest tail", ours)
    for n in sorted({int(row["n"]) for row in mine}):
        for name in dict.fromkeys(str(row["method"]) for row in mine if row["n"] == n):
            rival = [row for row in mine if row["n"] == n and row["method"] == name]
            if ", rival" in name and _valid(rival):
                beside = {row["setting"] for row in rival}
                own = name.split(", rival")[0]
                ours = [row for row in mine if row["n"] == n and row["method"] == own]
                ratio = _width([row for row in ours if row["setting"] in beside]) / _width(rival)
                yield Goal(
                    name=f"{name}, n = {n}: width of ours over it", measured=ratio, most=1.15
                )


def _valid(rows: list[Row]) -> bool:
    """Tell whether a rival covers in every cell, up to Monte Carlo error."""
    return _coverage("", rows, 0.94).met and _tail("", rows).met


def _shift(rows: list[Row]) -> Iterator[Goal]:
    mine = [row for row in rows if row["section"] == SHIFT]
    if not mine:
        return
    met = [row for row in mine if row["method"] == FOR_ALL and row["met"]]
    worst = max(float(row["answered"]) for row in met)
    yield Goal(name="labels of some sources: share with a score for all", measured=worst, most=0.0)
    for method, name in (
        (FOR_ALL, "a source that a draw may miss: coverage of the score for all"),
        (BY_SOURCE, "labels of some sources: coverage in each that has labels"),
    ):
        scored = [row for row in mine if row["method"] == method and "coverage" in row]
        if scored:
            yield _coverage(name, scored, 0.94)
    blind = [row for row in mine if row["method"] == WITHOUT and row["seen"]]
    if blind:
        yield Goal(
            name="no source column, items differ: the truth outside and nothing told",
            measured=max(float(row["silent"]) for row in blind),
            most=0.05,
            slack=_error(0.05, blind),
        )


def _alarms(rows: list[Row]) -> Iterator[Goal]:
    for row in rows:
        if row["section"] == "alarms":
            most = float(row["most"])
            yield Goal(
                name=str(row["setting"]),
                measured=float(row["alarms"]),
                most=most,
                slack=_error(most, [row]),
            )


def _rows(rows: list[Row], section: str, method: str, **where: object) -> list[Row]:
    return [
        row
        for row in rows
        if row["section"] == section
        and (row["method"] == method or str(row["method"]).startswith(f"{method} 0"))
        and "coverage" in row
        and all(row[key] == value for key, value in where.items())
    ]


def _coverage(name: str, rows: list[Row], least: float) -> Goal:
    return Goal(name=name, measured=_least(rows, "coverage"), least=least, slack=_error(0.94, rows))


def _tail(name: str, rows: list[Row]) -> Goal:
    worst = max(max(float(row["false_pass"]), float(row["false_fail"])) for row in rows)
    return Goal(name=name, measured=worst, most=0.04, slack=_error(0.04, rows))


def _error(share: float, rows: list[Row]) -> float:
    return _SIGMAS * sqrt(share * (1.0 - share) / int(rows[0]["repeats"]))


def _least(rows: list[Row], key: str) -> float:
    return min(float(row[key]) for row in rows)


def _width(rows: list[Row]) -> float:
    return sum(float(row["width"]) for row in rows) / len(rows)
