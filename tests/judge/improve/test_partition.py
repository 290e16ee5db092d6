import pytest

from judge.improve.cases import clusters_of
from judge.improve.partition import (
    Parted,
    Shares,
    TooFewLabels,
    make_partition,
)
from judge.records import Generation
from judge.store.seal import Opening, PartName, SealedError, looks_at
from tests.judge.improve.engines import case, planted_cases


def generation(id_: str, prompt: str, **fields: object) -> Generation:
    return Generation.model_validate(
        {"id": id_, "prompt": prompt, "response": "ok", "extra": {}, **fields}
    )


def test_wordings_of_one_situation_in_both_languages_belong_together() -> None:
    zh = generation("a-zh", "怎么办？", extra={"situation": "a"})
    en = generation("a-en", "What now?", extra={"situation": "a"})
    other = generation("b-en", "And this?", extra={"situation": "b"})

    found = clusters_of([zh, en, other])

    assert found[zh.unit] == found[en.unit]
    assert found[en.unit] != found[other.unit]


def test_prompts_with_the_same_words_belong_together_whatever_their_id_or_case() -> None:
    one, other = generation("a", "What now?"), generation("b", "  what NOW ")

    found = clusters_of([one, other])

    assert found[one.unit] == found[other.unit]


def test_a_column_of_ones_own_says_what_belongs_together() -> None:
    one = generation("a", "What now?", extra={"source": "s1"})
    other = generation("b", "And this?", extra={"source": "s1"})

    found = clusters_of([one, other], "source")

    assert found[one.unit] == found[other.unit]


def test_the_order_of_the_file_does_not_matter() -> None:
    cases = planted_cases()

    one = make_partition(cases, rubric="safety", seed=3)
    other = make_partition(cases[::-1], rubric="safety", seed=3)

    assert one == other
    assert one.digest != make_partition(cases, rubric="safety", seed=4).digest


def test_labels_do_not_move_a_prompt() -> None:
    cases = [case(number, label=number % 2, verdict=1) for number in range(100)]
    flipped = [case(number, label=1 - number % 2, verdict=1) for number in range(100)]

    one = make_partition(cases, rubric="safety", seed=0)
    other = make_partition(flipped, rubric="safety", seed=0)

    assert one.part_of() == other.part_of()


def test_each_part_has_its_share_of_every_verdict() -> None:
    cases = [case(number, verdict=int(number < 100)) for number in range(200)]

    placed = make_partition(cases, rubric="safety", seed=0).prompts
    counts = {
        (part, stratum): sum((each.part, each.stratum) == (part, stratum) for each in placed)
        for part in ("reflect", "select", "proof")
        for stratum in ("safe=0", "safe=1")
    }

    assert counts == {
        ("reflect", "safe=0"): 30,
        ("reflect", "safe=1"): 30,
        ("select", "safe=0"): 20,
        ("select", "safe=1"): 20,
        ("proof", "safe=0"): 50,
        ("proof", "safe=1"): 50,
    }


def test_a_prompt_keeps_the_part_that_it_had() -> None:
    cases = planted_cases(60)
    first = make_partition(cases, rubric="safety", seed=0)
    known: dict[str, PartName] = {p: e.part for e in first.prompts for p in e.prompts}

    second = make_partition(planted_cases(90), rubric="safety", seed=99, known=known)

    kept = second.part_of()
    assert {e.cluster: kept[e.cluster] for e in first.prompts} == first.part_of()


def test_a_prompt_that_was_read_before_never_becomes_proof() -> None:
    joined = case(1, cluster="both")
    known: dict[str, PartName] = {"one": "proof", "other": "reflect"}
    both = type(joined)(
        generation=joined.generation,
        cluster="both",
        prompts=("one", "other"),
        labels=joined.labels,
        verdicts=joined.verdicts,
    )

    partition = make_partition([both], rubric="safety", seed=0, known=known)

    assert partition.part_of() == {"both": "reflect"}


def test_the_proof_part_is_out_of_reach_until_it_is_opened_and_opens_once() -> None:
    cases = planted_cases(160)
    parted = Parted(cases, make_partition(cases, rubric="safety", seed=0))
    visible = {each.unit for each in (*parted.reflect, *parted.select)}

    opened = parted.open(looks_before=0)

    assert len(opened) == 80
    assert visible.isdisjoint(each.unit for each in opened)
    with pytest.raises(SealedError, match="spent"):
        parted.open(looks_before=1)


def test_a_look_more_than_was_declared_is_refused() -> None:
    cases = planted_cases()
    parted = Parted(cases, make_partition(cases, rubric="safety", seed=0))

    with pytest.raises(SealedError, match="opened 1 of 1 times"):
        parted.open(looks_before=1)


def test_labels_that_were_looked_at_teach_and_prove_nothing_any_more() -> None:
    cases = planted_cases(160)
    partition = make_partition(cases, rubric="safety", seed=0)
    spent = {p for e in partition.prompts if e.part == "proof" for p in e.prompts}

    parted = Parted(cases, partition, spent=spent)

    assert parted.sizes == {"reflect": 128, "select": 32, "proof": 0}
    assert parted.retired == 80


@pytest.mark.parametrize(
    ("cases", "why"),
    [
        ([case(n, label=n % 2) for n in range(100)], "50 labels, 60 needed"),
        ([case(n, label=int(n > 3)) for n in range(200)], "two levels need 5 labels each"),
    ],
)
def test_a_proof_part_that_can_prove_nothing_is_refused_with_what_it_lacks(
    cases: list[object], why: str
) -> None:
    mine = [each for each in cases if isinstance(each, type(case(0)))]
    parted = Parted(mine, make_partition(mine, rubric="safety", seed=0))

    with pytest.raises(TooFewLabels, match=why):
        parted.provable(["safe"])


def test_other_shares_are_held() -> None:
    cases = [case(number) for number in range(200)]

    placed = make_partition(
        cases, rubric="safety", seed=0, shares=Shares(reflect=0.25, select=0.25, proof=0.5)
    ).prompts

    assert sum(each.part == "select" for each in placed) == 50
    assert {each.probability for each in placed} == {0.25, 0.5}


def test_looks_count_by_the_prompts_that_were_looked_at() -> None:
    fields = {
        "search": "s",
        "rubric": "r",
        "partition": "d",
        "alpha": 0.05,
        "labels": "",
        "look": 1,
    }
    openings = [
        Opening.model_validate({**fields, "prompts": ("a", "b"), "candidate": ""}),
        Opening.model_validate({**fields, "prompts": ("c",), "candidate": ""}),
    ]

    assert [looks_at(openings, names) for names in (["a"], ["b", "c"], ["d"])] == [1, 2, 0]
