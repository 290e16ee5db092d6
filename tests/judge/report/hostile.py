"""Runs whose every text tries to break out of the page."""

from pathlib import Path

from judge.report import from_run
from judge.report.record import Report
from tests.judge.report.runs import Shape, judged_run, store_at

FAMILIES = {
    "element": "<script>window.pwned=1</script><img src=x onerror=window.pwned=1>",
    "attribute": '" \' onmouseover=window.pwned=1 autofocus onfocus=window.pwned=1 x="',
    "breakout": (
        "</title></style></svg></details></textarea>--><svg onload=window.pwned=1>"
        "<iframe srcdoc='<script>parent.pwned=1</script>'>]]>"
    ),
    "address": (
        "javascript:window.pwned=1 {{ 7*7 }} {% raw %} ${window.pwned=1} "
        "<a href=javascript:window.pwned=1>x</a>"
    ),
}
BENIGN = "A harmless text of much the same length, without any mark that means something."


def hostile_report(folder: Path, text: str) -> Report:
    """Make a report in which a text stands in every field that is not ours."""
    shape = Shape(
        prompts=4,
        systems=(f"a {text}", f"b {text}"),
        groups=(f"g {text}", f"h {text}"),
        judges=(f"openai/{text}",),
        prompt=text,
        response=text,
        rationale=text,
        evidence=text,
        reference=text,
        flags=(text,),
        served_model=text,
        name=f"run {text}",
        source=text,
        item=text,
        provenance="SIMULATED",
        # A rubric with hidden characters is refused when it is loaded.
        rubric_title=text if text.isascii() and text.isprintable() else None,
    )
    store = store_at(folder)

    def score(number: int, system: str) -> int:
        return int(number != 1 or system.startswith("a"))

    names = {group: (text, text) for group in shape.groups if group}
    return from_run(store, judged_run(store, shape, score), group_names=names)
