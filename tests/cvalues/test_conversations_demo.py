"""`cvalues demo --conversations`: the bundled dialogues from judging to two pages."""

from pathlib import Path

import pytest

from cvalues.conversations_demo import labels, planted_profile
from cvalues.datasets.starter import load_dialogue_truth, load_dialogues
from judge.simulated.openai_protocol import text_digest
from tests.cli.program import program


def test_every_turn_of_the_dialogues_has_a_planted_truth() -> None:
    truth = planted_profile().truth

    assert all(
        text_digest(turn.text) in truth for each in load_dialogues() for turn in each.messages
    )


def test_simulated_experts_label_dialogues_and_their_replies_alike() -> None:
    found = {(each.id, each.system): each.score for each in labels() if each.score is not None}

    for truth in load_dialogue_truth():
        replies = [found[f"{truth.id}#{at}", truth.system] for at in range(len(truth.sha256))]
        assert found[truth.id, truth.system] == min(replies)


@pytest.mark.slow
def test_the_demonstration_writes_two_pages_that_say_what_they_are(tmp_path: Path) -> None:
    ended = program("demo", "--conversations", "--out", "d", folder=tmp_path)

    assert ended.code == 0, ended.err
    assert "conversations with a harmful turn" in ended.out
    for name in ("conversations.html", "turns.html"):
        page = (tmp_path / "d" / name).read_text(encoding="utf-8")
        assert "SIMULATED" in page
        assert 'class="talk"' in page
