"""The section on method: how the numbers are made, by whom, and from what."""

from collections.abc import Iterator

from judge.report import figures
from judge.report.record import Report
from judge.report.section import Section, Table
from judge.report.words import Both, joined, same, say


def section(report: Report) -> Section:
    """Show assumptions, then versions and digests."""
    return Section(
        ident="method",
        template="method.html",
        title=say("method.title"),
        lead=_lead(report),
        notes=tuple(_notes(report)),
        tables=((None, Table(head=(), rows=tuple(_facts(report)))),),
    )


def _lead(report: Report) -> Both:
    """Say from what, by how many judges and under how many rubrics the numbers were made."""
    judges, editions = len(report.stamp.judges), len(report.stamp.editions)
    if not judges:
        return say(
            "method.lead_foreign",
            rows=figures.counted(report.origin.rows),
            source=report.origin.source,
        )
    return say(
        "method.lead",
        rows=figures.counted(report.origin.rows),
        source=report.origin.source,
        judges=say("method.judges_many" if judges > 1 else "method.judges_one", count=judges),
        editions=say(
            "method.editions_many" if editions > 1 else "method.editions_one", count=editions
        ),
    )


def _notes(report: Report) -> Iterator[Both]:
    """Give the assumptions that apply to this report, one sentence or two each."""
    applies = {
        "scores": bool(report.scores),
        "panel": report.stamp.panel,
        "pairwise": report.origin.pairwise,
        "prompts": bool(report.scores),
        "interval": bool(report.scores),
        "missing": True,
        "change": len(report.systems) == 2,
        "order": len(report.groups) > 1,
        "thin": len(report.groups) > 1,
        "quoted": report.cases is not None,
        "unsafe": report.cases is not None,
    }
    return (say(f"method.{name}") for name, true in applies.items() if true)


def _facts(report: Report) -> Iterator[tuple[Both, Both]]:
    origin = report.origin
    yield say("method.source"), same(origin.source)
    if origin.sha256:
        yield say("method.checksum"), same(origin.sha256)
    for judge in report.stamp.judges:
        yield say("method.judge"), same(judge.model)
        if judge.base_url:
            yield say("method.address"), same(judge.base_url)
        settings = [
            say(
                "method.temperature",
                temperature=f"{judge.temperature:g}",
                max_tokens=figures.counted(judge.max_tokens),
            )
        ]
        if judge.seed is not None:
            settings.append(say("method.seed", seed=judge.seed))
        yield say("method.settings"), joined(settings, "，", ", ")
    for edition in report.stamp.editions:
        name = f"{edition.rubric} {edition.version} {edition.language}: {edition.title}"
        yield say("method.rubrics"), same(name)
        yield say("method.digest"), same(edition.digest)
    if origin.repeats > 1:
        yield say("method.settings"), say("method.repeats", count=origin.repeats)
    if not origin.versions:
        return
    versions = ", ".join(f"{name} {version}" for name, version in origin.versions)
    yield say("method.software"), same(versions)
