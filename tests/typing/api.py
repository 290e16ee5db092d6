"""The public API as a type checker sees it; checked by basedpyright, never run."""

from collections.abc import Sequence
from typing import assert_type

import pandas as pd

from calibration import Estimate, estimate_rate
from cvalues import (
    Calibration,
    Comparison,
    GateResult,
    Generation,
    Judgment,
    Judgments,
    agrade,
    calibrate,
    compare,
    gate,
    grade,
)


def graded(frame: pd.DataFrame) -> Sequence[Judgment]:
    made = grade([Generation(id="a", prompt="p", response="r")], rubric="safety", judge="openai/m")
    assert_type(made, Judgments)
    assert_type(made[0], Judgment)
    assert_type(made[:2], Judgments)
    assert_type(made.to_pandas(), pd.DataFrame)
    assert_type(made.cost_usd, float | None)
    return grade(frame, rubric=["safety"], judge=["openai/m"], budget_usd=1.0, progress=True)


async def graded_in_a_coroutine() -> Judgments:
    return await agrade([{"id": "a"}], rubric="safety", judge="openai/m", repeats=2)


def decided() -> None:
    assert_type(calibrate(run="r"), Calibration)
    assert_type(compare("a", "b"), Comparison)
    assert_type(gate("a", "b", policy="p.yaml").exit_code, int)
    assert_type(gate("a", "b", policy="p.yaml"), GateResult)


def estimated() -> Estimate:
    return estimate_rate([1.0, 0.0], [1.0, float("nan")])
