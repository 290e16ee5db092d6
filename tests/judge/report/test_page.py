"""The page as a reader gets it: one file, both languages, sections that have something to say."""

import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from judge.gate.checks import CheckOutcome, Decision, GateReport
from judge.grading.remarks import Known
from judge.policy import Check as PolicyCheck
from judge.policy import Policy
from judge.records import Counts
from judge.report import Report, from_run, render, write_report
from judge.report.model import ExpertLabels, Gate, Improvement, LabelParts, RubricName
from judge.report.texts import say
from tests.judge.report.markup import Page
from tests.judge.report.runs import Score, Shape, judged_run, store_at

NAMES = {"law": ("法理学", "Law"), "crimes": ("违法犯罪", "Crimes")}


def score(number: int, system: str) -> Score:
    if number == 0:
        return "unscored.judge_refused"
    return int(not (number == 1 and system == "v2"))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    store = store_at(tmp_path_factory.mktemp("page"))
    shape = Shape(prompts=8, lang="zh", response="先煮熟。\n" * 30)
    return from_run(store, judged_run(store, shape, score), group_names=NAMES)


@pytest.fixture(scope="module")
def html(report: Report) -> str:
    return render(report)


def seal(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def sections(html: str) -> list[str]:
    return re.findall(r'<section id="(\w+)">', html)


def test_the_same_report_gives_the_same_page(report: Report, html: str) -> None:
    assert render(report) == html


def test_the_page_needs_nothing_but_itself(html: str) -> None:
    page = Page(html)

    assert not re.findall(r"(?:https?:)?//[a-z]", html)
    assert not [attributes for _, attributes in page.elements if "src" in attributes]
    assert "@import" not in html
    assert "url(http" not in html


def test_the_policy_allows_our_style_sheet_and_scripts_and_nothing_else(html: str) -> None:
    policy = next(
        meta["content"] or ""
        for meta in Page(html).all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    style = html.partition("<style>")[2].partition("</style>")[0]
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)

    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src {seal(style)}",
        f"script-src {seal(scripts[0])} {seal(scripts[1])}",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_no_element_has_a_style_of_its_own(html: str) -> None:
    assert not [attributes for _, attributes in Page(html).elements if "style" in attributes]


def test_both_languages_are_in_the_page_and_one_is_chosen(html: str) -> None:
    page = Page(html)

    assert re.search(r'id="zh"[^>]* checked', html)
    assert not re.search(r'id="en"[^>]* checked', html)
    assert say("counts.title").zh in page.text
    assert say("counts.title").en in page.text


def test_every_identifier_is_unique(html: str) -> None:
    identifiers = [a["id"] for _, a in Page(html).elements if "id" in a]

    assert len(identifiers) == len(set(identifiers))


def test_every_picture_says_what_it_shows_and_has_a_table(html: str) -> None:
    page = Page(html)
    pictures = [svg for svg in page.all("svg") if svg.get("role") == "img"]
    identifiers = {a["id"] for _, a in page.elements if "id" in a}

    assert pictures
    assert all(set((svg["aria-labelledby"] or "").split()) <= identifiers for svg in pictures)
    assert len(pictures) == 4 * len(page.all("figure"))
    assert html.count("</figure>") == len(
        re.findall(r"</table></div>\s*</details>\s*</figure>", html)
    )


def test_sections_stand_in_reading_order(html: str) -> None:
    assert sections(html) == ["counts", "scores", "changes", "items", "missing", "method"]


def test_a_run_without_scores_says_so_and_has_no_pictures(tmp_path: Path) -> None:
    store = store_at(tmp_path)

    html = render(from_run(store, judged_run(store, Shape(asked=False))))

    assert sections(html) == ["counts", "items", "method"]
    assert "No response has a score yet." in html
    assert "<figure>" not in html


def test_counts_add_up_on_the_page(html: str) -> None:
    text = Page(html).text

    assert "14 of 16 planned judgments were scored; 2 have no score and count as no number." in text
    assert "计划 16 次评审，14 次得到分数；另外 2 次没有分数，不折算成任何数值。" in text


def test_scores_are_marked_as_the_judges_own(html: str) -> None:
    text = Page(html).text

    assert "Uncorrected judge scores. Live judge." in text
    assert "评审模型的原始分数，未校正。实际调用。" in text
    assert "未经专家标注校正" in text


def test_the_reason_for_what_is_missing_is_in_words(html: str) -> None:
    assert "the judge refused" in Page(html).text
    assert "评审模型拒绝回答" in Page(html).text


def test_a_run_of_one_group_names_it(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    run = judged_run(store, Shape(groups=("law",)))

    text = Page(render(from_run(store, run, group_names=NAMES))).text

    assert "All items are of one group, Law." in text
    assert "全部条目都属于同一组：法理学。" in text


def test_a_run_without_groups_says_so(tmp_path: Path) -> None:
    store = store_at(tmp_path)

    text = Page(render(from_run(store, judged_run(store, Shape(groups=(None,)))))).text

    assert "The data names no groups; scores are over all items." in text


def test_groups_have_their_names(html: str) -> None:
    assert "违法犯罪" in html
    assert "Crimes" in html


def test_a_response_that_was_judged_unsafe_is_behind_a_warning(html: str) -> None:
    assert html.count('<details class="warn">') == 3  # one unsafe, two that the judge refused
    assert "判为不安全：显示回复" in html
    assert "评审模型或其服务商拒绝阅读：显示回复" in html


def test_a_long_response_is_folded_with_the_count_of_what_is_hidden(html: str) -> None:
    # 30 lines of 5 characters: 8 are shown, 22 are hidden.
    assert "显示其余 110 字" in html


def test_a_simulated_run_says_so_on_top(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    run = judged_run(store, Shape(provenance="SIMULATED"))

    assert '<p class="stamp">' in render(from_run(store, run))


def gate(decision: Decision, *, trust: str = "", why: str = "") -> Gate:
    check = CheckOutcome(
        name="safety",
        group=None,
        estimate=None if trust else -0.02,
        low=-0.1,
        high=0.06,
        margin=0.05,
        adjusted_p=0.2,
        decision=decision,
        why=why,
        labels_needed=140,
        n=200,
    )
    policy = Policy(
        version="1",
        title="Release policy",
        checks=(PolicyCheck(name="safety", measure="safety_rate", margin=0.05),),
    )
    return Gate(
        report=GateReport(
            decision=decision,
            provenance="LIVE",
            advisory=False,
            baseline="run:v1",
            candidate="run:v2",
            policy="Release policy",
            checks=(check,),
            counts=Counts(),
            trust=trust,
        ),
        policy=policy,
    )


def test_a_decision_comes_first_with_its_word(report: Report) -> None:
    html = render(replace(report, gate=gate("NEED_LABELS")))

    assert sections(html)[:2] == ["counts", "checks"]
    assert html.index("Do not ship yet") < html.index('<dl class="chips">')
    assert '<div class="decision need_labels"><p class="word">' in html
    assert "to decide safety, about 140 labelled prompts in all." in Page(html).text
    assert "0.200" in html


def test_a_judge_that_is_not_trusted_has_its_reason_beside_the_decision(report: Report) -> None:
    few = "safe: 20 labels; at least 30 are needed."
    html = render(replace(report, gate=gate("UNTRUSTED", trust=few, why=few)))
    top = html[: html.index('<dl class="chips">')]

    assert "No decision: there are too few expert labels to trust the judge." in top
    assert few in top
    assert "safe：20 条标注，至少需要 30 条" in top


def test_a_judge_with_other_faults_is_not_said_to_lack_labels(report: Report) -> None:
    rubric = (
        "the judge was measured with another rubric, or another version of it: the passport is "
        "void for this one; calibrate the judge again."
    )
    trust = f"safe: 20 labels; at least 30 are needed.; {rubric}"
    top = render(replace(report, gate=gate("UNTRUSTED", trust=trust)))

    assert "No decision: the judge is not trusted." in top
    assert "校准时用的是另一份评分标准" in top


def test_canaries_that_a_judge_fails_are_an_alarm_on_top(report: Report) -> None:
    failed = Known(asked=40, agreed=18, missing=2, wrong=("a",))
    html = render(replace(report, canaries=failed))

    assert 'class="alarm"' in html[: html.index('<dl class="chips">')]
    assert "agrees with 18 of 40 known-answer checks" in html
    assert "评审模型只判对 18 个" in html
    assert 'class="alarm"' not in render(
        replace(report, canaries=failed.model_copy(update={"agreed": 40}))
    )


def test_the_number_of_labels_and_their_draw_stand_on_top(report: Report) -> None:
    known = ExpertLabels(
        labels=60, raters=3, items=20, design="random", seed=1, by="group", drawn=24
    )
    text = Page(render(replace(report, labels=known))).text

    assert "60 labels from 3 experts on 20 responses." in text
    assert "Random sample of 24 responses, stratified by group." in text
    assert "none; the scores cannot be corrected" in Page(render(report)).text

    alone = known.model_copy(update={"raters": 1})
    assert "60 labels from one expert on" in Page(render(replace(report, labels=alone))).text


def test_the_readers_browser_chooses_the_language_unless_the_page_names_one(
    report: Report,
) -> None:
    assert "data-lang=" not in render(report).partition("<head>")[0]
    named = render(replace(report, lang="en"))
    assert '<html lang="en" data-lang="en">' in named


def test_a_page_is_written_whole(report: Report, html: str, tmp_path: Path) -> None:
    write_report(tmp_path / "pages" / "page.html", report)

    assert (tmp_path / "pages" / "page.html").read_text(encoding="utf-8") == html
    assert [path.name for path in (tmp_path / "pages").iterdir()] == ["page.html"]


def test_labels_that_an_improvement_took_from_a_file_are_not_said_to_be_missing(
    report: Report,
) -> None:
    searched = Improvement(
        verdict="NOT SHOWN",
        simulated=True,
        old=RubricName(id="safety", version="1"),
        new=None,
        reflection_model=None,
        criteria=(),
        changes=(),
        moved=(),
        candidates=(),
        partition=LabelParts(digest="d", sizes={"reflect": 9, "select": 9, "proof": 9}),
        look=None,
        looks=1,
    )
    none = ExpertLabels(labels=0, raters=0, items=0)
    shown = replace(report, labels=none, improvement=searched)

    page = render(shown)

    assert say("labels.of_a_file").zh in page
    assert say("labels.none").zh not in page
