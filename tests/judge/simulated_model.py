"""The simulated judge as a model in the process: a question goes in as it goes over the wire."""

import json
from collections.abc import Callable, Mapping

from judge.models.base import Question, ScriptedModel
from judge.simulated.judge import SimulatedJudge
from judge.simulated.openai_protocol import read_request


def simulated_answer(profile: Mapping[str, object] | None = None) -> Callable[[Question], str]:
    """Give what the simulated judge with this profile answers to a question."""
    judge = SimulatedJudge(profile)

    def answer(asked: Question) -> str:
        body = {
            "model": "sim",
            "messages": [message.model_dump() for message in asked.messages],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "verdict", "schema": asked.reply_schema},
            },
        }
        return judge.answer(read_request(json.dumps(body).encode())).text or ""

    return answer


def simulated_model(profile: Mapping[str, object] | None = None) -> ScriptedModel:
    """Give a model that answers as the simulated judge with this profile does."""
    return ScriptedModel(simulated_answer(profile))
