"""A simulated judge on the loopback, and the ways to it."""

from collections.abc import Callable, Iterator

import pytest

from judge.models.litellm import LitellmModel
from judge.models.openai_compatible import DirectModel
from judge.records import Judge
from judge.simulated.server import Running, simulated_server
from tests.judge.models.asking import ENVIRON

Way = Callable[[str], DirectModel | LitellmModel]
"""Opens the way to a model of the simulated server, by the model's name without a prefix."""


@pytest.fixture(scope="session")
def server() -> Iterator[Running]:
    with simulated_server(keep_bodies=True) as running:
        yield running


@pytest.fixture(params=["direct", "litellm", "litellm hosted_vllm"])
def way(request: pytest.FixtureRequest, server: Running) -> Way:
    """Both ways, and the route on which litellm does without the provider's library."""
    prefix = "hosted_vllm" if "hosted_vllm" in request.param else "openai"
    kind = DirectModel if request.param == "direct" else LitellmModel

    def open_way(name: str) -> DirectModel | LitellmModel:
        judge = Judge(model=f"{prefix}/{name}", base_url=server.base_url)
        return kind(judge, environ=ENVIRON)

    return open_way
