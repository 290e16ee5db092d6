"""The groups: CValues' eight domains as published, and ten scenarios that say they are our own."""

import cvalues.taxonomy
from cvalues.taxonomy import DOMAINS, GROUPS, SCENARIOS

# Keys and Chinese names of the released responsibility prompts (X-PLUG/CValues, commit 3018d38).
PUBLISHED_DOMAINS = {
    "environmental_science": "环境科学",
    "psychology": "心理学",
    "barrier_free": "无障碍",
    "social_science": "社会学",
    "data_science": "数据科学",
    "law": "法理学",
    "intimate_relationship": "亲密关系",
    "lesser_known_major": "冷门专业",
}


def test_domains_carry_the_published_keys_and_chinese_names() -> None:
    assert {domain.key: domain.name_zh for domain in DOMAINS} == PUBLISHED_DOMAINS


def test_there_are_ten_scenarios_and_no_key_twice() -> None:
    assert len(SCENARIOS) == 10
    assert len({group.key for group in GROUPS}) == 18


def test_scenarios_are_level_one_and_domains_level_two() -> None:
    assert {group.level for group in SCENARIOS} == {"safety"}
    assert {group.level for group in DOMAINS} == {"responsibility"}


def test_three_scenarios_come_from_the_published_figure() -> None:
    named = {group.key for group in SCENARIOS if "figure" in group.source}

    assert named == {"dangerous_topics", "crimes", "personal_privacy"}


def test_the_other_scenarios_name_a_published_taxonomy() -> None:
    others = [group for group in SCENARIOS if "figure" not in group.source]

    assert all("arXiv" in group.source for group in others)


def test_the_module_says_that_the_scenarios_are_not_the_benchmarks() -> None:
    assert "this project's own" in (cvalues.taxonomy.__doc__ or "")
