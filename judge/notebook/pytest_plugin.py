"""A pytest plugin: gate a release in a test.

    @pytest.mark.cvalues(baseline="old", candidate="new", policy="policy.yaml")
    def test_the_release_may_ship(cvalues_gate):
        assert cvalues_gate.decision == "PASS", cvalues_gate

The marker takes the parameters of `cvalues.gate`. Where the test fails, the result
shows its sentence and its reasons.
"""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from judge.notebook.releases import GateResult


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers",
        "cvalues(baseline, candidate, policy, passport, store, ...): the release that the fixture "
        "cvalues_gate decides on; parameters as of cvalues.gate",
    )


@pytest.fixture
def cvalues_gate(request: pytest.FixtureRequest) -> "GateResult":
    """Decide on the release that the test's marker `cvalues` names."""
    # Imported here: a suite that gates nothing should not wait for it.
    from judge.notebook.releases import gate

    marker: pytest.Mark | None = request.node.get_closest_marker("cvalues")
    if marker is None:
        pytest.fail("cvalues_gate needs @pytest.mark.cvalues(baseline=..., candidate=..., ...)")
    return gate(*marker.args, **marker.kwargs)
