"""The settings that are simulated, section by section, without the methods."""

from collections.abc import Iterator

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
    stratified,
)

SECTIONS = ("binary", "by-verdict", "curated", "clustered", "ordinal", "paired", "strata")
_LENIENT = ((0.97, 0.70), (0.99, 0.40))
_FAIR = ((0.92, 0.80), (0.92, 0.80))

Setting = tuple[str, int, Draw]


def settings(section: str) -> Iterator[Setting]:
    """Give each setting of a section: its name, number of labels and draw."""
    for n in LABELS:
        yield from {
            "binary": _binary,
            "by-verdict": _by_verdict,
            "curated": _curated,
            "clustered": _clustered,
            "ordinal": _ordinal,
            "paired": _paired,
            "strata": _strata,
        }[section](n)


def _binary(n: int) -> Iterator[Setting]:
    for rate in PASS_RATES:
        for judge in JUDGES:
            yield f"rate {rate} judge {judge[0]}/{judge[1]}", n, binary(rate, judge, n)


def _by_verdict(n: int) -> Iterator[Setting]:
    for rate in (0.7, 0.97):
        for judge in JUDGES[:4]:
            yield f"rate {rate} judge {judge[0]}/{judge[1]}", n, by_verdict(rate, judge, n)


def _curated(n: int) -> Iterator[Setting]:
    for judge in JUDGES[:4]:
        yield f"rate 0.97 judge {judge[0]}/{judge[1]}", n, curated(0.97, judge, n)


def _clustered(n: int) -> Iterator[Setting]:
    if n == 30:
        return
    for rate in (0.7, 0.97):
        for each, name in ((10, "whole prompts"), (1, "one label a prompt")):
            draw = clustered(rate, JUDGES[1], n, each=each, icc=0.3)
            yield f"rate {rate}, {name}", n, draw


def _ordinal(n: int) -> Iterator[Setting]:
    for shape in ORDINAL_SHAPES:
        yield shape, n, ordinal(shape, n)


def _paired(n: int) -> Iterator[Setting]:
    yield "0.97 against 0.94, lenient to B", n, paired((0.97, 0.94), _LENIENT, n)
    yield "0.97 against 0.97, lenient to B", n, paired((0.97, 0.97), _LENIENT, n)
    yield "0.7 against 0.6, same judge", n, paired((0.7, 0.6), _FAIR, n)
    for rates, shared in _PAIRS:
        for name, judges in _JUDGES.items():
            title = f"{rates[0]} against {rates[1]}, shared {shared}, {name}"
            yield title, n, paired(rates, judges, n, shared=shared)


_JUDGES = {
    "lenient to B": _LENIENT,
    "weak judge": ((0.80, 0.70), (0.80, 0.70)),
    "very good judge": ((0.995, 0.90), (0.995, 0.90)),
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


def _strata(n: int) -> Iterator[Setting]:
    """Strata drawn at unequal rates; their labels are their own, so that they are run once."""
    if n != 30:
        return
    for rates, labels, sizes in _STRATA:
        for judge in JUDGES[1:4]:
            name = f"rates {rates} labels {labels} sizes {sizes} judge {judge[0]}/{judge[1]}"
            yield name, sum(labels), stratified(rates, labels, sizes, judge=judge)
