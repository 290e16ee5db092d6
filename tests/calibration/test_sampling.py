"""Choosing the items that experts should label."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration import draw, estimate_rate
from calibration.sampling import SamplingDesign, allocate

JUDGE = np.repeat([1.0, 0.0, np.nan], [900, 90, 10])


def test_a_random_draw_gives_every_item_the_same_chance() -> None:
    chosen = draw(JUDGE, 100, rng=np.random.default_rng(0))

    assert chosen.indices.size == np.unique(chosen.indices).size == 100
    assert chosen.probabilities == pytest.approx(0.1)


def test_a_random_draw_is_shared_out_over_strata_in_proportion() -> None:
    strata = np.repeat(["law", "ethics"], [600, 400])

    chosen = draw(JUDGE, 50, strata=strata, rng=np.random.default_rng(0))

    assert int((chosen.indices < 600).sum()) == 30


def test_a_draw_by_verdict_takes_as_many_of_each() -> None:
    chosen = draw(JUDGE, 60, design="by-verdict", rng=np.random.default_rng(0))

    verdicts = JUDGE[chosen.indices]
    assert int((verdicts == 1.0).sum()) == 25
    assert int((verdicts == 0.0).sum()) == 25
    assert int(np.isnan(verdicts).sum()) == 10


def test_neymans_draw_takes_more_where_labels_are_unsure() -> None:
    chosen = draw(JUDGE, 100, design="neyman", rng=np.random.default_rng(0))

    fails = int((JUDGE[chosen.indices] == 0.0).sum())
    assert 9 < fails < 30
    assert int(np.isnan(JUDGE[chosen.indices]).sum()) == 5


def test_neymans_draw_follows_a_given_spread() -> None:
    spread = np.where(np.arange(1000) < 100, 0.5, 0.01)
    strata = np.where(np.arange(1000) < 100, "unsure", "sure")

    chosen = draw(
        np.ones(1000), 100, design="neyman", strata=strata, spread=spread,
        rng=np.random.default_rng(0),
    )  # fmt: skip

    assert int((chosen.indices < 100).sum()) > 40


def test_long_scales_are_cut_into_fifths() -> None:
    scores = np.random.default_rng(1).uniform(0.0, 1.0, 500)

    chosen = draw(scores, 50, design="by-verdict", rng=np.random.default_rng(0))

    assert np.bincount(chosen.cells).size == 5
    assert np.bincount(chosen.cells[chosen.indices]).tolist() == [10] * 5


def test_short_scales_have_the_same_spread_for_all_unless_told() -> None:
    scores = np.repeat([1.0, 2.0, 3.0], [100, 300, 600])

    chosen = draw(scores, 100, design="neyman", rng=np.random.default_rng(0))

    assert np.bincount(chosen.cells[chosen.indices]).tolist() == [10, 30, 60]


@pytest.mark.parametrize("design", ["random", "by-verdict", "neyman"])
def test_the_cells_of_a_draw_serve_as_strata_of_the_estimate(design: SamplingDesign) -> None:
    rng = np.random.default_rng(3)
    truth = (rng.random(1000) < np.where(JUDGE == 1.0, 0.95, 0.4)) * 1.0

    chosen = draw(JUDGE, 200, design=design, rng=rng)
    human = np.full(1000, np.nan)
    human[chosen.indices] = truth[chosen.indices]
    estimate = estimate_rate(JUDGE, human, strata=chosen.cells)

    assert estimate.low < truth.mean() < estimate.high
    assert estimate.value == pytest.approx(
        (human[chosen.indices] / chosen.probabilities).sum() / 1000, abs=0.02
    )


def test_the_same_generator_state_gives_the_same_draw() -> None:
    first, second = (draw(JUDGE, 40, rng=np.random.default_rng(5)) for _ in range(2))

    assert first.indices.tolist() == second.indices.tolist()


def test_malformed_arguments_are_named() -> None:
    rng = np.random.default_rng(0)

    with pytest.raises(ValueError, match="design"):
        draw(JUDGE, 10, design="handy", rng=rng)  # pyright: ignore[reportArgumentType] - wrong on purpose
    with pytest.raises(ValueError, match="n must be 1 to 1000"):
        draw(JUDGE, 1001, rng=rng)
    with pytest.raises(ValueError, match="spread"):
        draw(JUDGE, 10, design="neyman", spread=np.full(1000, np.nan), rng=rng)
    with pytest.raises(ValueError, match="spread"):
        draw(JUDGE, 10, design="neyman", spread=np.full(1000, -1.0), rng=rng)


def test_groups_without_spread_are_served_by_size() -> None:
    counts = allocate(30, np.array([200, 100]), np.zeros(2))

    assert counts.tolist() == [20, 10]


@given(st.lists(st.tuples(st.integers(1, 300), st.floats(0, 1)), min_size=1, max_size=8), st.data())
def test_an_allocation_adds_up_and_fits(
    groups: list[tuple[int, float]], data: st.DataObject
) -> None:
    sizes = np.array([size for size, _ in groups])
    n = data.draw(st.integers(1, int(sizes.sum())))

    counts = allocate(n, sizes, np.array([spread for _, spread in groups]))

    assert int(counts.sum()) == n
    assert bool((counts <= sizes).all())
    assert n < 5 * sizes.size or bool((counts >= np.minimum(sizes, 5)).all())
