"""Write a decision where the user wants it."""

import importlib.metadata
import json
from pathlib import Path

from judge.exporters.atomic import write_whole
from judge.exporters.gate_files import as_document, junit, sarif, summary
from judge.gate.conduct import Decided
from judge.policy import Policy
from judge.store.sql import Store


def write_all(
    decided: Decided,
    store: Store,
    policy: Policy,
    *,
    out_json: Path | None,
    junit_xml: Path | None,
    sarif_json: Path | None,
    summary_md: Path | None,
    page: Path | None,
) -> None:
    """Write each of the files that is wanted."""
    report = decided.report
    if out_json:
        write_whole(out_json, _json(as_document(report)))
    if junit_xml:
        write_whole(junit_xml, junit(report))
    if sarif_json:
        write_whole(sarif_json, _json(sarif(report, version=importlib.metadata.version("cvalues"))))
    if summary_md:
        # GitHub gives every step the same file; each appends to it.
        with summary_md.open("a", encoding="utf-8") as file:
            file.write(summary(report))
    if page:
        _write_page(decided, store, policy=policy, page=page)


def _write_page(decided: Decided, store: Store, *, policy: Policy, page: Path) -> None:
    from judge.report import from_run, write_report
    from judge.report.from_gate import with_decision

    run, baseline = decided.candidate.run, decided.baseline
    # The baseline can only be shown beside the candidate where one run holds both.
    shown = baseline.system if baseline.run.run_id == run.run_id else None
    report = from_run(store, run, baseline=shown)
    write_report(page, with_decision(report, decided.report, policy))


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
