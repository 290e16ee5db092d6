"""The page as a reader gets it: one file, both languages, sections that have something to say."""

import base64
import hashlib
import re
from pathlib import Path

import pytest

from judge.report import Report, from_run, render, write_report
from judge.report.model import Check, Checks, Decision
from judge.report.texts import same, say
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


def test_the_policy_allows_the_one_style_sheet_and_nothing_else(html: str) -> None:
    policy = next(
        meta["content"] or ""
        for meta in Page(html).all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    style = html.partition("<style>")[2].partition("</style>")[0]
    seal = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{seal}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_no_element_has_a_style_of_its_own(html: str) -> None:
    assert not [attributes for _, attributes in Page(html).elements if "style" in attributes]


def test_both_languages_are_in_the_page_and_one_is_chosen(html: str) -> None:
    page = Page(html)

    assert 'id="zh" checked' in html
    assert 'id="en" checked' not in html
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
    assert sections(html) == ["counts", "where", "drift", "cases", "missing", "method"]


def test_a_run_without_scores_says_so_and_has_no_pictures(tmp_path: Path) -> None:
    store = store_at(tmp_path)

    html = render(from_run(store, judged_run(store, Shape(asked=False))))

    assert sections(html) == ["counts", "cases", "method"]
    assert "No response has a score yet" in html
    assert "<figure>" not in html


def test_counts_add_up_on_the_page(html: str) -> None:
    text = Page(html).text

    assert "14 of 16 planned judgments were scored; 2 have no score and count as no number." in text
    assert "计划 16 次评判，14 次得到分数；另外 2 次没有分数，不折算成任何数值。" in text


def test_scores_are_marked_as_the_judges_own(html: str) -> None:
    text = Page(html).text

    assert "Judge only, not corrected. LIVE." in text
    assert "仅为评判模型的看法，未校正。LIVE。" in text
    assert "没有经过专家标注校正" in text


def test_the_reason_for_what_is_missing_is_in_words(html: str) -> None:
    assert "the judge refused" in Page(html).text
    assert "评判模型拒绝回答" in Page(html).text


def test_a_run_of_one_group_names_it(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    run = judged_run(store, Shape(groups=("law",)))

    text = Page(render(from_run(store, run, group_names=NAMES))).text

    assert "All prompts are of one group, Law." in text
    assert "全部提问都属于同一组：法理学。" in text


def test_a_run_without_groups_says_so(tmp_path: Path) -> None:
    store = store_at(tmp_path)

    text = Page(render(from_run(store, judged_run(store, Shape(groups=(None,)))))).text

    assert "No groups were named; the scores are over all prompts." in text


def test_groups_have_their_names(html: str) -> None:
    assert "违法犯罪" in html
    assert "Crimes" in html


def test_a_response_that_was_judged_unsafe_is_behind_a_warning(html: str) -> None:
    assert html.count('<details class="warn">') == 3  # one unsafe, two that the judge refused
    assert "判为不安全。显示回复" in html
    assert "评判模型或其服务商拒绝阅读。显示回复" in html


def test_a_long_response_is_folded_with_the_count_of_what_is_hidden(html: str) -> None:
    # 30 lines of 5 characters: 8 are shown, 22 are hidden.
    assert "显示其余 110 字" in html


def test_a_simulated_run_says_so_on_top(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    run = judged_run(store, Shape(provenance="SIMULATED"))

    assert '<p class="stamp">' in render(from_run(store, run))


def test_a_decision_comes_first_with_its_word(report: Report) -> None:
    check = Check(
        name=same("safety"),
        unit="share",
        estimate=-0.02,
        low=-0.1,
        high=0.06,
        margin=-0.05,
        adjusted_p=0.2,
        decision="NEED_LABELS",
        why=same("140 more labels would settle it"),
    )
    decided = report.model_copy(
        update={
            "decision": Decision(word="NEED_LABELS", sentence=same("Do not ship yet")),
            "checks": Checks(rows=(check,), method=same("95 % intervals"), corrected=True),
        }
    )

    html = render(decided)

    assert sections(html)[:2] == ["counts", "checks"]
    assert html.index("Do not ship yet") < html.index('<dl class="chips">')
    assert '<div class="decision need_labels"><p class="word">' in html
    assert "0.200" in html


def test_a_page_is_written_whole(report: Report, html: str, tmp_path: Path) -> None:
    write_report(tmp_path / "pages" / "page.html", report)

    assert (tmp_path / "pages" / "page.html").read_text(encoding="utf-8") == html
    assert [path.name for path in (tmp_path / "pages").iterdir()] == ["page.html"]
