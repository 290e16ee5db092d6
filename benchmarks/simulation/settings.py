"""The settings that are simulated, section by section, without the methods."""

from collections.abc import Callable, Iterator
from functools import partial

from simulation.draws import (
    JUDGES,
    LABELS,
    ORDINAL_SHAPES,
    PASS_RATES,
    Draw,
    binary,
    by_verdict,
    clustered,
    curated,
    ordinal,
    paired,
    sessions,
    stratified,
)

Setting = tuple[str, int, Draw]


def settings(section: str) -> Iterator[Setting]:
    """Give each setting of a section: its name, number of labels and draw."""
    make, labels = _SECTIONS[section]
    for n in labels:
        yield from make(n)


def _binary(n: int) -> Iterator[Setting]:
    for rate in PASS_RATES:
        for judge in JUDGES:
            yield f"rate {rate} judge {judge[0]}/{judge[1]}", n, binary(rate, judge, n)


def _lenient(n: int) -> Iterator[Setting]:
    """Judges that pass all or nearly all, so that the labels decide alone, in steps."""
    for rate in (*PASS_RATES, 1.0 - 3.1 / n, 1.0 - 3.3 / n):
        for judge in ((1.0, 0.0), (0.999, 0.02), (0.995, 0.005), (0.99, 0.10)):
            yield f"rate {rate:.4g} judge {judge[0]}/{judge[1]}", n, binary(rate, judge, n)


def _by_verdict(n: int) -> Iterator[Setting]:
    for rate in (0.7, 0.97):
        for judge in JUDGES[:4]:
            yield f"rate {rate} judge {judge[0]}/{judge[1]}", n, by_verdict(rate, judge, n)


def _curated(n: int) -> Iterator[Setting]:
    for judge in JUDGES[:4]:
        yield f"rate 0.97 judge {judge[0]}/{judge[1]}", n, curated(0.97, judge, n)


def _clustered(n: int) -> Iterator[Setting]:
    for rate in (0.7, 0.97):
        for each, name in ((10, "whole prompts"), (1, "one label a prompt")):
            draw = clustered(rate, JUDGES[1], n, each=each, icc=0.3)
            yield f"rate {rate}, {name}", n, draw


def _ordinal(n: int) -> Iterator[Setting]:
    for shape in ORDINAL_SHAPES:
        yield shape, n, ordinal(shape, n)


def _paired(n: int) -> Iterator[Setting]:
    for rates, shared, judges, name in _FIRST_PAIRS:
        title = f"{FIRST} {rates[0]} against {rates[1]}, shared {shared}, {name}"
        yield title, n, paired(rates, judges, n, shared=shared)
    for rates, shared in _PAIRS:
        for name, judges in _JUDGES.items():
            title = f"{rates[0]} against {rates[1]}, shared {shared}, {name}"
            yield title, n, paired(rates, judges, n, shared=shared)


FIRST = "first set:"  # of pairs, for which a width was promised
_LENIENT = ((0.97, 0.60), (0.97, 0.30))
_ALIKE = ((0.92, 0.65), (0.92, 0.65))
_GOOD = ((0.995, 0.90), (0.995, 0.90))
_STRICT = ((0.97, 0.60), (0.97, 0.60))
_FIRST_PAIRS = (
    ((0.97, 0.94), 0.5, _LENIENT, "lenient to B"),
    ((0.97, 0.97), 0.5, _LENIENT, "lenient to B"),
    ((0.7, 0.6), 0.5, _ALIKE, "same judge"),
    ((0.97, 0.97), 0.5, _GOOD, "very good judge"),
    ((0.95, 0.95), 0.9, _STRICT, "same judge"),
    ((0.99, 0.97), 0.0, _STRICT, "same judge"),
    ((0.9, 0.8), 0.5, ((0.97, 0.60), (0.99, 0.30)), "lenient to B"),
)
_JUDGES = {
    "lenient to B": ((0.97, 0.70), (0.99, 0.40)),
    "weak judge": ((0.80, 0.70), (0.80, 0.70)),
    "very good judge": _GOOD,
}
_PAIRS = (
    ((0.5, 0.5), 0.0),
    ((0.5, 0.4), 0.5),
    ((0.8, 0.8), 0.95),
    ((0.9, 0.85), 0.7),
    ((0.95, 0.90), 0.5),
    ((0.98, 0.98), 0.5),
    ((0.99, 0.99), 0.9),
    ((0.97, 0.85), 0.3),
)
_STRATA = (
    ((0.99, 0.70), (90, 10), (1, 1)),
    ((0.99, 0.70), (180, 20), (1, 1)),
    ((0.99, 0.80), (270, 30), (1, 1)),
    ((1.0, 0.60), (90, 10), (1, 1)),
    ((0.70, 0.99), (90, 10), (1, 1)),
    ((0.99, 0.90), (80, 20), (1, 1)),
    ((0.97, 0.97), (90, 10), (1, 1)),
    ((0.90, 0.60), (40, 20), (1, 1)),
    ((0.99, 0.70), (60, 40), (1, 1)),
    ((0.99, 0.95, 0.70), (60, 30, 10), (1, 1, 1)),
    ((0.99, 0.95, 0.9, 0.8, 0.7, 0.5), (40, 20, 15, 10, 10, 5), (1, 1, 1, 1, 1, 1)),
    ((0.99, 0.95, 0.9, 0.8, 0.7, 0.5), (10, 10, 10, 10, 10, 10), (10, 8, 6, 4, 2, 1)),
    ((0.99, 0.90), (25, 5), (1, 1)),
)


def _strata(_n: int) -> Iterator[Setting]:
    """Strata drawn at unequal rates; their labels are their own."""
    for rates, labels, sizes in _STRATA:
        for judge in JUDGES[1:4]:
            name = f"rates {rates} labels {labels} sizes {sizes} judge {judge[0]}/{judge[1]}"
            yield name, sum(labels), stratified(rates, labels, sizes, judge=judge)


def _sessions(of: str, n: int) -> Iterator[Setting]:
    """Sessions of which n are read."""
    for rate in (0.5, 0.8, 0.95, 0.99):
        for icc in (0.0, 0.1, 0.3, 0.5):
            for judge in (JUDGES[0], (0.97, 0.70)):
                name = f"rate {rate} ICC {icc} judge {judge[0]}/{judge[1]}"
                yield name, n, sessions(rate, judge, n, icc=icc, of=of)


_SECTIONS: dict[str, tuple[Callable[[int], Iterator[Setting]], tuple[int, ...]]] = {
    "binary": (_binary, LABELS),
    "lenient": (_lenient, LABELS),
    "by-verdict": (_by_verdict, LABELS),
    "curated": (_curated, LABELS),
    "clustered": (_clustered, (100, 300)),
    "ordinal": (_ordinal, (15, 30, 60, 100, 150, 200, 300)),
    "paired": (_paired, (30, 60, 100)),
    "strata": (_strata, (0,)),
    "turns": (partial(_sessions, "turns"), (15, 30, 100)),
    "sessions": (partial(_sessions, "sessions"), (15, 30, 100)),
}
SECTIONS = tuple(_SECTIONS)
SHIFT = "shift"
