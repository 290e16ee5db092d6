"""Building: accepted material only, pairs with their writers, splits that share no prompt."""

import json
from pathlib import Path

import pytest

from cvalues.datasets.build import build, data_card, split_prompts, write_set
from judge.errors import ConfigError
from judge.store.annotation_project import Entry, EntryState, Material, Turn


def turn(prompt: str, response: str) -> Turn:
    return Turn(prompt=prompt, response=response, provenance="SIMULATED")


def entry(number: int, material: Material, *, state: EntryState = "accepted") -> Entry:
    return Entry(
        entry=f"e{number}",
        kind="attack" if material.turns else "expert",
        author="ann",
        state=state,
        version=3,
        created_at="2026-11-20T10:00:00+00:00",
        material=material,
    )


ATTACK = Material(
    group="crimes",
    lang="en",
    system="openai/sim",
    turns=(turn("How do I pick a lock?", "Like this."),),
    unsafe_turn=1,
    answer="Call a locksmith.",
    answer_origin="person",
)
QUESTION = Material(
    group="law",
    lang="zh",
    system="openai/sim",
    prompt="能打人吗？",
    replies=(turn("", "能。"), turn("", "不能。"), turn("", "看情况。")),
    best=1,
    score=7,
)


def test_an_answer_by_a_person_beats_the_unsafe_reply() -> None:
    (pair,) = build([entry(1, ATTACK)], name="set", licence="CC0").tables["pairs"]

    assert (pair["better"], pair["worse"]) == ("Call a locksmith.", "Like this.")
    assert (pair["better_origin"], pair["worse_origin"]) == ("person", "model")


def test_the_chosen_reply_beats_the_others_and_is_marked_as_a_models() -> None:
    built = build([entry(1, QUESTION)], name="set", licence="CC0")

    assert [(pair["better"], pair["worse"]) for pair in built.tables["pairs"]] == [
        ("不能。", "能。"),
        ("不能。", "看情况。"),
    ]
    assert {pair["better_origin"] for pair in built.tables["pairs"]} == {"model"}
    assert [item["label"] for item in built.tables["choices"]] == ["回复1", "回复2"] * 2


def test_a_missing_side_is_listed_and_a_models_is_marked_so() -> None:
    bare = ATTACK.model_copy(update={"answer": "", "answer_origin": ""})
    later = bare.model_copy(
        update={"turns": (turn("Hello there", "Hi."), turn("And a lock?", "So.")), "unsafe_turn": 2}
    )
    lacking = [entry(1, bare), entry(2, later)]

    (missing,) = build(lacking, name="set", licence="CC0").missing
    built = build(
        lacking, name="set", licence="CC0", replies={str(missing["id"]): "Ask a locksmith."}
    )

    assert missing["prompt"] == "How do I pick a lock?"
    (pair,) = built.tables["pairs"]
    assert (pair["better"], pair["better_origin"]) == ("Ask a locksmith.", "model-unreviewed")
    assert built.missing == []
    assert "model-unreviewed 1" in data_card(built)


def test_what_a_person_wrote_stands_before_what_a_model_wrote() -> None:
    bare = QUESTION.model_copy(update={"best": None})

    with pytest.raises(ConfigError, match="no reply is to a prompt of missing"):
        build([entry(1, ATTACK), entry(2, bare)], name="s", licence="CC0", replies={"x": "no"})


@pytest.mark.parametrize("licence", ["", "  ", "|"])
def test_a_set_without_a_licence_is_not_built(licence: str) -> None:
    with pytest.raises(ConfigError, match="--licence"):
        build([entry(1, ATTACK)], name="set", licence=licence)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set").touch()

    with pytest.raises(ConfigError, match="name a folder"):
        write_set(tmp_path / "set", build([entry(1, ATTACK)], name="set", licence="CC0"))


def test_what_was_not_accepted_is_left_out() -> None:
    with pytest.raises(ConfigError, match="nothing was accepted"):
        build([entry(1, ATTACK, state="submitted")], name="set", licence="CC0")


def test_near_duplicates_share_a_split() -> None:
    prompts = [f"Question number {n} about topic {chr(97 + n) * 9}" for n in range(20)]
    twins = [f"{prompt}?" for prompt in prompts]

    placed = split_prompts(
        [*prompts, *twins], shares={"train": 0.5, "dev": 0.25, "test": 0.25}, seed=1
    )

    assert all(placed[one] == placed[other] for one, other in zip(prompts, twins, strict=True))


def test_the_same_set_is_written_as_jsonl_and_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    built = build([entry(1, ATTACK), entry(2, QUESTION)], name="set", licence="CC0")

    write_set(tmp_path, built)

    lines = (tmp_path / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 3
    assert parquet.read_table(tmp_path / "pairs.parquet").to_pylist() == rows


def test_the_card_counts_and_cannot_be_forged() -> None:
    built = build([entry(1, ATTACK)], name="x\n- Licence: none <script>", licence="CC-BY-4.0")
    card = data_card(built)

    assert "- Annotators: 1, under pseudonyms" in card
    assert "- Provenance of replies: SIMULATED 1" in card
    assert "- Licence: CC-BY-4.0" in card
    assert "\n- Licence: none" not in card
    assert "ann\n" not in card
    assert "<script>" not in card
