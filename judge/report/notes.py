"""The section on method: how the numbers are made, by whom, and from what."""

from collections.abc import Iterator

from judge.report import figures
from judge.report.picture import Table
from judge.report.record import Both, Report
from judge.report.words import say


def method_lead(report: Report) -> Both:
    """Say from what, by how many judges and under how many rubrics the numbers were made."""
    judges, editions = len(report.stamp.judges), len(report.stamp.editions)
    return say(
        "method.lead",
        rows=figures.counted(report.origin.rows),
        source=report.origin.source,
        judges=say("method.judges_many" if judges > 1 else "method.judges_one", count=judges),
        editions=say(
            "method.editions_many" if editions > 1 else "method.editions_one", count=editions
        ),
    )


def notes(report: Report) -> Iterator[Both]:
    """Give the assumptions that apply to this report, one sentence or two each."""
    always = ("scores", "prompts", "interval", "missing", "thin", "quoted", "unsafe")
    applies = {"panel": report.stamp.panel, "pairwise": report.origin.pairwise}
    applies["order"] = len(report.groups) > 1
    for name in ("scores", "panel", "pairwise", *always[1:4], "order", *always[4:]):
        if applies.get(name, True):
            yield say(f"method.{name}")


def facts(report: Report) -> Table:
    """List file, judges, rubrics and software with their versions and digests."""
    return Table(head=(), rows=tuple(_facts(report)), numbers_from=2)


def _facts(report: Report) -> Iterator[tuple[Both, Both]]:
    origin = report.origin
    yield say("method.source"), figures.same(origin.source)
    yield say("method.checksum"), figures.same(origin.sha256)
    for judge in report.stamp.judges:
        yield say("method.judge"), figures.same(judge.model)
        if judge.base_url:
            yield say("method.address"), figures.same(judge.base_url)
        settings = [
            say(
                "method.temperature",
                temperature=f"{judge.temperature:g}",
                max_tokens=figures.counted(judge.max_tokens),
            )
        ]
        if judge.seed is not None:
            settings.append(say("method.seed", seed=judge.seed))
        yield say("method.settings"), _joined(settings)
    for edition in report.stamp.editions:
        name = f"{edition.rubric} {edition.version} {edition.language}: {edition.title}"
        yield say("method.rubrics"), figures.same(name)
        yield say("method.digest"), figures.same(edition.digest)
    if origin.repeats > 1:
        yield say("method.settings"), say("method.repeats", count=origin.repeats)
    versions = ", ".join(f"{name} {version}" for name, version in origin.versions)
    yield say("method.software"), figures.same(versions)


def _joined(texts: list[Both]) -> Both:
    return Both(zh="，".join(t.zh for t in texts), en=", ".join(t.en for t in texts))
