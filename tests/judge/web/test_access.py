"""Access: links open once, sessions and forms cannot be forged, nobody sees another's tasks."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from judge.errors import ConfigError
from judge.store import raters
from judge.store.annotation_project import Rater, Study
from judge.web.auth import BAD_LINKS, COOKIE, begin_session
from judge.web.server import Address, checked
from tests.judge.web.rooms import NASTY, Served, csrf, field, room_of, task_of

SAFE = {"version": "0", "score.safety.safe": "1", "score.safety.severity": "0"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with room_of(tmp_path) as room:
        yield room


def actions(served: Served) -> list[str]:
    return [event.action for event in raters.events(served.desk)]


def test_a_link_lets_in_once(served: Served) -> None:
    link = served.link("ann")
    first, second = httpx.post(link), httpx.post(link)

    assert first.status_code == 303
    assert second.status_code == 403
    assert "link.refused" in actions(served)


def test_whoever_tries_many_links_is_told_to_wait_and_locks_nobody_out(served: Served) -> None:
    link = served.link("ann")
    with httpx.Client(base_url=served.url) as stranger:
        tried = [stranger.post(f"/enter/guess-{number}") for number in range(BAD_LINKS + 3)]

    assert [each.status_code for each in tried] == [403] * BAD_LINKS + [429] * 3
    assert tried[-1].headers["Retry-After"] == "60"
    assert "Wait a minute" in tried[-1].text or "请等一分钟" in tried[-1].text
    assert actions(served).count("link.refused") == BAD_LINKS
    assert httpx.post(link).status_code == 303


def test_looking_at_a_link_does_not_use_it_up(served: Served) -> None:
    link = served.link("ann")
    httpx.get(link)

    assert httpx.post(link).status_code == 303


def test_a_forged_session_is_refused_and_logged(served: Served) -> None:
    forged = begin_session("not the secret", "first", Rater(rater="ann"))
    answer = httpx.get(f"{served.url}/label", cookies={COOKIE: forged})

    assert answer.status_code == 403
    assert "refused.session" in actions(served)


def test_a_session_ends_when_the_coordinator_says_so(served: Served) -> None:
    with served.enter("ann") as ann:
        raters.end_sessions(served.desk, "ann", actor="coordinator")

        assert ann.get("/label").status_code == 403


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(served: Served) -> None:
    cookie = httpx.post(served.link("ann")).headers["set-cookie"].lower()

    assert "httponly" in cookie
    assert "samesite=strict" in cookie


@pytest.mark.parametrize("token", ["", "wrong", "ä"])
def test_a_form_without_its_token_is_refused(served: Served, token: str) -> None:
    with served.enter("ann") as ann:
        task = task_of(ann.get("/label").text)

        answer = ann.post(f"/label/{task}", data={"csrf": token, **SAFE})

    assert answer.status_code == 403
    assert list(served.desk.store.labels(served.desk.run)) == []
    assert "refused.form" in actions(served)


def test_a_form_from_another_site_is_refused(served: Served) -> None:
    with served.enter("ann") as ann:
        page = ann.get("/label").text
        sent = {"csrf": csrf(page), **SAFE}

        headers = {"origin": "https://elsewhere.example"}
        answer = ann.post(f"/label/{task_of(page)}", data=sent, headers=headers)

    assert answer.status_code == 403
    assert list(served.desk.store.labels(served.desk.run)) == []
    assert "refused.form" in actions(served)


def test_another_raters_task_is_refused_and_logged(tmp_path: Path) -> None:
    with room_of(tmp_path, study=Study(per_item=1)) as served:
        with served.enter("ann") as ann, served.enter("bo") as bo:
            theirs = task_of(ann.get("/label").text)
            own = bo.get("/own").text

            answer = bo.post(f"/label/{theirs}", data={"csrf": csrf(own), **SAFE})

        assert answer.status_code == 409
        assert "refused.stale" in actions(served)


def test_a_stale_form_changes_nothing(served: Served) -> None:
    with served.enter("ann") as ann:
        page = ann.get("/label").text
        place, token = f"/label/{task_of(page)}", csrf(page)
        ann.post(f"{place}/save", data={"csrf": token, "version": "0", "note": "new"})

        answer = ann.post(f"{place}/save", data={"csrf": token, "version": "0", "note": "old"})

        assert answer.status_code == 409
        assert "new" in ann.get("/label").text
    assert "refused.stale" in actions(served)


@pytest.mark.parametrize("place", ["/progress", "/log", "/review"])
def test_a_rater_sees_no_page_of_the_coordinator(served: Served, place: str) -> None:
    with served.enter("ann") as ann:
        assert ann.get(place).status_code == 403


def test_the_coordinator_invites_and_watches(served: Served) -> None:
    with served.enter("co", "coordinator") as co:
        page = co.get("/progress").text
        sent = {"csrf": csrf(page), "role": "rater", "lang": "en"}
        shown = co.post("/people", data={**sent, "name": "new one"}).text
        assert "/enter/" in shown
        assert co.post("/people", data={**sent, "name": "new one"}).status_code == 422
        assert "refused.role" not in actions(served)
        log = co.get("/log").text
        assert "Person added" in log
        assert "rater.added" not in log
        assert '<time datetime="20' in log


def test_labels_that_are_all_the_same_leave_the_progress_page_whole(served: Served) -> None:
    for name in ("ann", "bo"):
        with served.enter(name) as rater:
            page = rater.get("/label").text
            while 'id="task"' in page:
                rater.post(f"/label/{task_of(page)}", data={"csrf": csrf(page), **SAFE})
                page = rater.get("/label").text
    with served.enter("co", "coordinator") as co:
        page = co.get("/progress").text

    assert "4 of 4 tasks labelled" in page
    assert "every label is the same" in page
    assert "Severity of harm" in page


def test_choosing_a_language_leads_back_to_the_same_page(served: Served) -> None:
    with served.enter("co", "coordinator") as co:
        page = co.get("/log").text
        sent = {"csrf": csrf(page), "lang": "zh", "back": field(page, "back")}
        chinese = co.post("/language", data=sent)
        elsewhere = co.post("/language", data={**sent, "back": "//evil.example"})

    assert chinese.url.path == "/log"
    assert "<h1>日志</h1>" in chinese.text
    assert elsewhere.url.path == "/progress"


def test_a_host_that_is_not_ours_is_not_answered(served: Served) -> None:
    answer = httpx.get(f"{served.url}/label", headers={"host": "evil.example"})

    assert answer.status_code == 421
    assert "refused.host" in actions(served)


def test_a_page_that_is_not_there_is_said_in_the_readers_language(served: Served) -> None:
    answer = httpx.get(f"{served.url}/nowhere", headers={"accept-language": "zh-CN"})

    assert answer.status_code == 404
    assert "没有这个页面" in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_every_answer_forbids_foreign_scripts(served: Served) -> None:
    answer = httpx.get(f"{served.url}/label")

    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


def test_script_and_style_are_kept_by_the_browser_and_pages_are_not(served: Served) -> None:
    with served.enter("ann") as ann:
        page = ann.get("/label")
        script = page.text.split('<script src="')[1].split('"', maxsplit=1)[0]
        kept = ann.get(script).headers["cache-control"]
        other = ann.get("/static/room.js").headers["cache-control"]

    assert page.headers["cache-control"] == "no-store"
    assert kept == "private, max-age=31536000, immutable"
    assert other == "no-store"


def test_script_in_a_response_is_text(served: Served) -> None:
    with served.enter("ann") as ann:
        pages: list[str] = []
        for _ in range(4):
            page = ann.get("/label").text
            pages.append(page)
            ann.post(f"/label/{task_of(page)}", data={"csrf": csrf(page), **SAFE})

    (hostile,) = [page for page in pages if "document.title" in page]
    assert "&lt;script&gt;document.title" in hostile
    assert "<img" not in hostile
    assert r"<code>\u202e</code>" in hostile
    assert "{{ 7*7 }}" in hostile


def test_script_in_a_name_a_remark_or_a_reason_is_text(served: Served) -> None:
    name = "<b onclick=x>eve"
    with served.enter(name) as eve:
        page = eve.get("/label").text
        eve.post(f"/label/{task_of(page)}", data={"csrf": csrf(page), "note": NASTY, **SAFE})
        page = eve.get("/label").text
        skipped = {"csrf": csrf(page), "version": "0", "action": "skip", "reason": NASTY}
        eve.post(f"/label/{task_of(page)}", data=skipped)
        shown = [eve.get("/own").text]
    with served.enter("co", "coordinator") as co:
        shown += [co.get("/progress").text, co.get("/log").text]

    assert all("&lt;b onclick=x&gt;eve" in page for page in shown)
    assert all("&lt;script&gt;document.title" in page for page in (shown[0], shown[2]))
    assert not any("<b onclick" in page or "<script>document" in page for page in shown)


def test_a_form_that_is_too_large_is_refused(served: Served) -> None:
    with served.enter("ann") as ann:
        page = ann.get("/label").text
        sent = {"csrf": csrf(page), "note": "x" * 500_000, **SAFE}

        assert ann.post(f"/label/{task_of(page)}", data=sent).status_code == 403


def test_nobody_works_before_agreeing(served: Served) -> None:
    with httpx.Client(base_url=served.url, follow_redirects=True) as client:
        client.post(served.link("ann"))

        assert str(client.get("/label").url).endswith("/consent")


@pytest.mark.parametrize("host", ["192.0.2.7", "labels.example.org", "::"])
def test_others_are_served_only_with_tls_or_a_plain_word(host: str) -> None:
    with pytest.raises(ConfigError):
        checked(Address(host=host))


def test_a_plain_word_is_enough() -> None:
    assert checked(Address(host="192.0.2.7", insecure=True)).names == {"192.0.2.7"}
