"""What a run may spend: calls and money, reserved before each call and settled after it."""

from dataclasses import dataclass

from judge.errors import BudgetExceeded
from judge.records import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a model costs, in US dollars for each token."""

    prompt: float
    completion: float

    def cost(self, usage: Usage) -> float | None:
        """Price a call; None where its tokens were not counted."""
        if usage.prompt_tokens is None or usage.completion_tokens is None:
            return None
        return self.prompt * usage.prompt_tokens + self.completion * usage.completion_tokens


class Budget:
    """Limits shared by all calls of a run, those of its earlier sittings included."""

    def __init__(
        self,
        *,
        max_calls: int | None = None,
        max_usd: float | None = None,
        calls: int = 0,
        usd: float = 0.0,
    ) -> None:
        self._max_calls = max_calls
        self._max_usd = max_usd
        self._calls = calls
        self._usd = usd
        self._dearest = 0.0
        self.exceeded = False

    def reserve(self) -> float:
        """Set aside one call, and as many dollars as the dearest call so far has cost.

        Returns
        -------
        float
            What was set aside, to be given back to `settle`.

        Raises
        ------
        BudgetExceeded
            If the call might cross a limit.
        """
        if self._max_calls is not None and self._calls + 1 > self._max_calls:
            self.exceeded = True
            raise BudgetExceeded(f"the limit of {self._max_calls} calls is reached")
        if self._max_usd is not None and self._usd + self._dearest > self._max_usd:
            self.exceeded = True
            raise BudgetExceeded(f"the limit of {self._max_usd:g} US dollars is reached")
        self._calls += 1
        self._usd += self._dearest
        return self._dearest

    def settle(self, reserved: float, cost: float | None) -> None:
        """Replace what was set aside by what the call cost; an unknown cost keeps the reserve."""
        if cost is not None:
            self._usd += cost - reserved
            self._dearest = max(self._dearest, cost)
