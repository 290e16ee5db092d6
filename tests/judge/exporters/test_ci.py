"""A gate's files hold to the schemas of the tools that read them, whatever the texts in them."""

import json
from pathlib import Path

import pytest
import xmlschema
from jsonschema import Draft202012Validator

from judge.exporters.ci import as_document, junit, sarif, sentence, summary
from judge.gate.checks import SEVERITY, CheckOutcome, Decision, GateReport
from judge.records import Counts

SCHEMAS = Path(__file__).parent / "schemas"
HOSTILE = "<script>alert(1)</script> ]]> \x00\x1b[31m \u202e | `x` \ud800 &amp; \ufffe"
STEP_SUMMARY = 1_048_576
"""Bytes: 1 MiB a step, as GitHub's documentation of workflow commands says."""


def outcome(decision: Decision, *, group: str = "law", why: str = "why") -> CheckOutcome:
    return CheckOutcome(
        name="safety", group=group, estimate=0.1, low=-0.1, high=0.2, margin=0.05,
        adjusted_p=None, decision=decision, why=why,
    )  # fmt: skip


def report(
    *checks: CheckOutcome, decision: Decision = "FAIL", policy: str = "policy"
) -> GateReport:
    return GateReport(
        decision=decision, provenance="LIVE", advisory=False, baseline="old", candidate="new",
        policy=policy, checks=checks, counts=Counts(planned=2, scored=2),
    )  # fmt: skip


EVERY = report(
    *(outcome(decision) for decision in SEVERITY),
    outcome("FAIL").model_copy(update={"waived": True}),
)
STRANGE = report(outcome("FAIL", group=HOSTILE, why=HOSTILE), policy=HOSTILE)


@pytest.mark.parametrize("told", [EVERY, STRANGE])
def test_junit_keeps_to_the_schema(told: GateReport) -> None:
    schema = xmlschema.XMLSchema(SCHEMAS / "junit.xsd")

    assert [str(error) for error in schema.iter_errors(junit(told, {}))] == []


def test_junit_counts_failures_errors_and_waivers_apart() -> None:
    suite = xmlschema.XMLResource(junit(EVERY, {})).root[0]

    counts = [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["6", "1", "3", "1"]


@pytest.mark.parametrize(
    ("needed", "said"),
    [
        (40, "about 40 labelled prompts would settle it"),
        (400, "about 400 labelled prompts would settle it, more than the 100 there are"),
    ],
)
def test_every_file_says_how_many_labels_would_settle_a_check(needed: int, said: str) -> None:
    check = outcome("NEED_LABELS").model_copy(update={"labels_needed": needed, "n": 100})
    told = report(check, decision="NEED_LABELS")

    for text in (summary(told, {}), junit(told, {}), json.dumps(sarif(told, {}, version="1.0"))):
        assert said in text


@pytest.mark.parametrize("told", [EVERY, STRANGE])
def test_sarif_keeps_to_the_schema(told: GateReport) -> None:
    schema = json.loads((SCHEMAS / "sarif.json").read_text(encoding="utf-8"))

    document = json.loads(json.dumps(sarif(told, {}, version="1.0")))
    assert Draft202012Validator(schema).is_valid(document)  # pyright: ignore[reportUnknownMemberType] - untyped


def test_a_summary_of_twenty_thousand_checks_fits_a_step_and_says_what_is_left_out() -> None:
    told = report(*(outcome("NEED_LABELS", why="原因" * 20) for _ in range(20_000)))

    text = summary(told, {})

    assert len(text.encode()) < STEP_SUMMARY
    assert "more checks are in the full report" in text
    assert text.startswith("## Do not ship")


def test_groups_have_their_names_in_both_languages() -> None:
    names = {"law": ("法理学", "Law")}

    assert as_document(EVERY, names)["groups"] == {"law": {"zh": "法理学", "en": "Law"}}
    assert 'name="Law"' in junit(EVERY, names)
    assert "| Law |" in summary(EVERY, names)


def test_a_release_that_passes_by_waivers_says_so() -> None:
    waived = outcome("FAIL").model_copy(update={"waived": True})

    assert sentence(report(outcome("PASS"), waived, decision="PASS")) == (
        "Ship: every check passed but 1 that their owners answer for."
    )
