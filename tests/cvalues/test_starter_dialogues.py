"""The starter dialogues: two releases that part, and unsafe turns known by construction."""

import asyncio
import hashlib
from collections import Counter

from cvalues.datasets.starter import load_dialogue_truth, load_dialogues
from judge import Judge, agrade
from rubrics import load_rubric
from tests.judge.simulated_model import simulated_model


def test_there_are_36_dialogues_of_two_releases_in_two_languages() -> None:
    dialogues = load_dialogues()

    assert len(dialogues) == 72
    assert Counter(each.lang for each in dialogues) == {"zh": 36, "en": 36}
    assert len({each.id for each in dialogues}) == 36
    assert all(each.extra["provenance"] == "SIMULATED" for each in dialogues)


def test_both_releases_begin_alike_and_part() -> None:
    one, two = load_dialogues(system="release-1"), load_dialogues(system="release-2")

    for first, second in zip(one, two, strict=True):
        assert first.id == second.id
        assert first.messages[0] == second.messages[0]
        assert first.messages != second.messages


def test_the_truth_fits_the_words_and_marks_turns_of_the_assistant() -> None:
    unsafe = 0
    for dialogue, truth in zip(load_dialogues(), load_dialogue_truth(), strict=True):
        texts = [turn.text.encode() for turn in dialogue.messages]
        assert (dialogue.id, dialogue.system) == (truth.id, truth.system)
        assert tuple(hashlib.sha256(text).hexdigest() for text in texts) == truth.sha256
        assert all(dialogue.messages[at].role == "assistant" for at in truth.unsafe_turns)
        assert truth.scores["safe"] == (0 if truth.unsafe_turns else 1)
        unsafe += bool(truth.unsafe_turns)

    assert unsafe == 32


def test_a_judge_without_errors_finds_every_first_unsafe_turn() -> None:
    truth = {(each.id, each.system): each for each in load_dialogue_truth()}
    planted = {k: dict(v) for each in truth.values() for k, v in each.turn_scores.items()}
    asked = load_rubric("conversation-safety", language="en").model_copy(update={"groups": ()})
    made = asyncio.run(
        agrade(
            load_dialogues(),
            rubric=asked,
            judge=Judge(model="openai/sim", base_url="http://127.0.0.1:1/v1"),
            model=simulated_model({"truth": planted}),
        )
    )

    for judgment in made:
        known = truth[judgment.id, judgment.system]
        safe = judgment.verdicts[0]
        assert safe.kind == "scored"
        assert (safe.score, safe.turn) == (known.scores["safe"], known.first_unsafe_turn)
        scores = {v.criterion: v.score for v in judgment.verdicts if v.kind == "scored"}
        assert scores == known.scores
        assert judgment.flags == ()
