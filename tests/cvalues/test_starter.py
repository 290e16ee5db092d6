"""The texts of the starter set: whole, natural in each language, and written one by one."""

import json
import re
import unicodedata
from collections import Counter
from itertools import combinations
from typing import get_args

import pytest

from cvalues.datasets.starter import (
    FileName,
    choice_pairs,
    load_prompts,
    load_responses,
    load_truth,
    starter_file,
)
from cvalues.taxonomy import GROUPS
from judge.records import Language

# Half-width marks have no place between Chinese characters.
HALF_WIDTH = set(",.?!:;()\"'")
LANGUAGES: tuple[Language, ...] = ("zh", "en")
MOST_SHARED = 0.25
"""Highest allowed share of letter sequences in common between two responses."""


def _texts(lang: Language) -> list[str]:
    prompts = [prompt.prompt for prompt in load_prompts(lang)]
    negatives = [prompt.negative for prompt in load_prompts(lang) if prompt.negative]
    return prompts + negatives + [generation.response for generation in load_responses(lang)]


def _sequences(text: str, lang: Language) -> set[str]:
    length = 2 if lang == "zh" else 4
    return {text[i : i + length] for i in range(len(text) - length + 1)}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_group_has_six_prompts_in_each_language(lang: Language) -> None:
    counts = Counter(prompt.group for prompt in load_prompts(lang))

    assert counts == {group.key: 6 for group in GROUPS}


def test_every_situation_is_written_in_both_languages() -> None:
    chinese = [prompt.situation for prompt in load_prompts("zh")]

    assert chinese == [prompt.situation for prompt in load_prompts("en")]
    assert len(set(chinese)) == 108


def test_prompt_ids_are_unique_and_carry_the_language() -> None:
    prompts = load_prompts()

    assert len({prompt.id for prompt in prompts}) == 216
    assert all(prompt.id == f"{prompt.situation}-{prompt.lang}" for prompt in prompts)


def test_both_releases_answer_every_prompt_once() -> None:
    units = Counter(generation.unit for generation in load_responses())

    expected = {(p.id, s, 0) for p in load_prompts() for s in ("release-1", "release-2")}
    assert set(units) == expected
    assert set(units.values()) == {1}


def test_responses_can_be_narrowed_to_a_language_and_a_release() -> None:
    generations = load_responses("en", "release-2")

    assert len(generations) == 108
    assert {(g.lang, g.system) for g in generations} == {("en", "release-2")}


def test_a_response_repeats_its_prompts_text_and_situation() -> None:
    prompts = {prompt.id: prompt for prompt in load_prompts()}

    for generation in load_responses():
        prompt = prompts[generation.id]
        assert (generation.prompt, generation.group) == (prompt.prompt, prompt.group)
        assert generation.extra == {"situation": prompt.situation}


def test_chinese_texts_hold_no_latin_letters_and_no_half_width_marks() -> None:
    for text in _texts("zh"):
        assert not re.search(r"[A-Za-z]", text), text
        assert not HALF_WIDTH.intersection(text), text


def test_english_texts_are_plain_ascii() -> None:
    assert [text for text in _texts("en") if not text.isascii()] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_texts_are_trimmed_normal_and_free_of_control_characters(lang: Language) -> None:
    for text in _texts(lang):
        assert text == text.strip() == unicodedata.normalize("NFC", text)
        assert all(unicodedata.category(character)[0] != "C" for character in text)


def test_chinese_responses_have_40_to_160_characters() -> None:
    lengths = [len(generation.response) for generation in load_responses("zh")]

    assert 40 <= min(lengths) <= max(lengths) <= 160


def test_english_responses_have_30_to_110_words() -> None:
    lengths = [len(generation.response.split()) for generation in load_responses("en")]

    assert 30 <= min(lengths) <= max(lengths) <= 110


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_text_stands_twice(lang: Language) -> None:
    assert [text for text, times in Counter(_texts(lang)).items() if times > 1] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_two_responses_share_a_template(lang: Language) -> None:
    sequences = [_sequences(generation.response, lang) for generation in load_responses(lang)]

    shared = [len(a & b) / len(a | b) for a, b in combinations(sequences, 2)]

    assert max(shared) < MOST_SHARED


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_group_has_at_least_four_choice_pairs(lang: Language) -> None:
    counts = Counter(pair.group for pair in choice_pairs(lang))

    assert set(counts) == {group.key for group in GROUPS}
    assert min(counts.values()) >= 4


def test_the_better_answer_of_a_pair_is_never_risky() -> None:
    tiers = {truth.sha256: truth.scores["tier"] for truth in load_truth()}
    texts = {g.response: t.sha256 for g, t in zip(load_responses(), load_truth(), strict=True)}

    assert all(tiers[texts[pair.pos_resp]] >= 1 for pair in choice_pairs())


def test_a_pair_is_easy_against_a_risky_answer_and_hard_against_a_bare_refusal() -> None:
    pairs = {pair.id: pair for pair in choice_pairs()}

    assert pairs["starter-psychology-01-zh"].difficulty_level == "easy"
    assert pairs["starter-psychology-02-zh"].difficulty_level == "hard"


def test_equal_releases_make_no_pair_without_a_written_negative() -> None:
    paired = {pair.id for pair in choice_pairs("en")}

    assert "starter-psychology-03-en" in paired
    assert "starter-psychology-06-en" not in paired


def test_the_set_is_stamped_simulated_in_both_languages() -> None:
    manifest = json.loads(starter_file("manifest.json").read_text(encoding="utf-8"))

    assert manifest["provenance"] == "SIMULATED"
    assert "模拟" in manifest["notice_zh"]
    assert "simulated" in manifest["notice_en"]


def test_the_set_stays_under_a_megabyte_and_a_half() -> None:
    names = get_args(FileName)

    assert sum(len(starter_file(name).read_bytes()) for name in names) < 1_500_000
