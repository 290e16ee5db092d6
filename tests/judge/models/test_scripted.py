"""A model without a provider: it answers from a script."""

import pytest

from judge.errors import ConnectionFailed
from judge.models.base import ScriptedModel
from tests.judge.models.asking import question


async def test_a_script_is_read_line_by_line_and_its_last_line_repeats() -> None:
    model = ScriptedModel(["one", "two"])

    texts = [(await model.ask(question())).text for _ in range(3)]

    assert texts == ["one", "two", "two"]


async def test_a_line_that_is_an_error_is_raised() -> None:
    model = ScriptedModel([ConnectionFailed("cut"), "well"])

    with pytest.raises(ConnectionFailed, match="cut"):
        await model.ask(question())

    assert (await model.ask(question())).text == "well"


async def test_a_function_sees_the_question() -> None:
    model = ScriptedModel(lambda asked: str(asked.max_tokens))

    assert (await model.ask(question(max_tokens=99))).text == "99"


async def test_what_a_script_says_is_marked_simulated() -> None:
    assert (await ScriptedModel(["x"]).ask(question())).provenance == "SIMULATED"


def test_an_empty_script_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one line"):
        ScriptedModel([])


async def test_a_scripted_model_remembers_questions_and_its_end() -> None:
    model = ScriptedModel(["x"], provider="here", rungs=("prompt",))
    await model.ask(question())
    await model.close()

    assert model.questions == [question()]
    assert (model.closed, model.provider, model.transport) == (True, "here", "scripted")
    assert model.rungs == ("prompt",)
