"""Write a decision where the user wants it."""

import importlib.metadata
import json
from pathlib import Path

from judge.exporters.atomic import require_places, write_whole
from judge.exporters.gate_files import GroupNames, as_document, junit, sarif, summary
from judge.gate.conduct import Decided
from judge.policy import Policy


def write_all(
    decided: Decided,
    policy: Policy,
    *,
    out_json: Path | None,
    junit_xml: Path | None,
    sarif_json: Path | None,
    summary_md: Path | None,
    page: Path | None,
    names: GroupNames,
) -> None:
    """Write each of the files that is wanted, or none where one of them cannot stand."""
    require_places(out_json, junit_xml, sarif_json, page)
    report = decided.report
    if out_json:
        write_whole(out_json, _json(as_document(report, names)))
    if junit_xml:
        write_whole(junit_xml, junit(report, names))
    if sarif_json:
        write_whole(
            sarif_json, _json(sarif(report, names, version=importlib.metadata.version("cvalues")))
        )
    if summary_md:
        # GitHub gives every step the same file; each appends to it.
        with summary_md.open("a", encoding="utf-8") as file:
            file.write(summary(report, names))
    if page:
        _write_page(decided, policy, page, names=names)


def _write_page(decided: Decided, policy: Policy, page: Path, *, names: GroupNames) -> None:
    from judge.report import from_sides, write_report
    from judge.report.from_gate import with_decision

    report = from_sides(decided.baseline, decided.candidate, group_names=names)
    write_report(page, with_decision(report, decided.report, policy))


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
