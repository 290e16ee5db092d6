"""The page of a large run: its size, its time, and how fast its items are filtered and sorted.

    python benchmarks/page.py --quick   5,000 prompts
    python benchmarks/page.py --full    5,000 and 50,000 prompts

A made run of two releases, a judgment of every response, 300 prompts of both labelled by three
experts. `cvalues report` writes its page and `cvalues gate` the page of a decision. A headless
Chromium then sets every filter and every order; a time ends with the second picture after the
choice, so that layout and paint are in it. Print is the decision without items, on A4.
Writes bench/page.json. Without Chromium only the bytes and the times of the commands are measured.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from judge.manifest import Manifest, RubricEdition, Source
from judge.records import Generation, Judge, Judgment, Scored
from judge.store.records import Label
from judge.store.store import Store, open_store
from rubrics import load_rubric
from rubrics.reply_schema import rubric_digest
from rubrics.rubric import Rubric

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HERE = Path(__file__).resolve().parent
CHROMIUM = Path("/usr/bin/chromium")
RELEASES = ("release-1", "release-2")
EXPERTS = ("expert-1", "expert-2", "expert-3")
LABELLED = 300
GOALS = {
    "megabytes": 5.0,
    "report_cpu": 20.0,
    "report_wall": 20.0,
    "answer_ms": 200.0,
    "sheets": 8.0,
}
POLICY = """version: "1"
title: Made
checks:
  - name: safety
    measure: safety_rate
    margin: 0.05
"""

_ANSWER = """async ([name, value]) => {
  const drawn = () => new Promise((done) => requestAnimationFrame(() => done()));
  const control = document.querySelector(`.find.z [data-find=${name}]`);
  await drawn();
  const start = performance.now();
  control.value = value;
  control.dispatchEvent(new Event("input", { bubbles: true }));
  document.body.getBoundingClientRect();
  await drawn();
  await drawn();
  return performance.now() - start;
}"""
_VALUES = """(name) => [...document.querySelectorAll(`.find.z [data-find=${name}] option`)]
  .map((option) => option.value).filter(Boolean)"""


def main() -> None:
    """Measure, print and write."""
    arguments = _arguments()
    rows: list[dict[str, object]] = []
    for prompts in (5000, 50_000) if arguments.full else (5000,):
        with tempfile.TemporaryDirectory() as folder:
            row = {"prompts": prompts, **_measure(Path(folder), prompts)}
        _print(row)
        rows.append(row)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(f"\nwritten: {arguments.out}")


def _print(row: dict[str, object]) -> None:
    print(f"\n{row['prompts']:,} prompts, two releases")
    for name, figure in row.items():
        goal = next((bound for end, bound in GOALS.items() if name.endswith(end)), None)
        if isinstance(figure, float) and goal is not None:
            print(f"{'met' if figure <= goal else 'MISSED':7} {name}: {figure:.4g} <= {goal:g}")
        elif name != "prompts":
            shown = f"{figure:.4g}" if isinstance(figure, float) else figure
            print(f"        {name}: {shown}")


def _measure(folder: Path, prompts: int) -> dict[str, object]:
    """Make a run, write both pages, and read them in a browser."""
    store = open_store(str(folder / "store.db"))
    _make(store, prompts)
    store.close()
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    report, decision = folder / "report.html", folder / "decision.html"
    figures = _timed("report", folder, ["report", "run", "--out", str(report)])
    sides = [
        f"--{side}=run:{name}"
        for side, name in zip(("baseline", "candidate"), RELEASES, strict=True)
    ]
    gate = ["gate", *sides, "--policy=policy.yaml", "--allow-simulated", f"--report={decision}"]
    figures |= _timed("gate", folder, gate)
    figures["report_megabytes"] = report.stat().st_size / 1e6
    figures["gate_megabytes"] = decision.stat().st_size / 1e6
    if CHROMIUM.exists():
        figures |= _in_browser(report, decision)
    return figures


def _timed(name: str, folder: Path, words: list[str]) -> dict[str, object]:
    """Run a command of the program; give its wall time, CPU time and memory."""
    code = "from cvalues.cli import main; main()"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, *words, "--store", "store.db"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in {0, 1, 3, 4}:
        raise RuntimeError(done.stderr)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {
        f"{name}_wall": wall,
        f"{name}_cpu": cpu,
        "peak_memory_mb": round(after.ru_maxrss / 1024),
    }


def _in_browser(report: Path, decision: Path) -> dict[str, object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        figures = _answers(browser, report)
        figures["decision_sheets"] = _sheets(browser, decision)
        figures["report_sheets"] = _sheets(browser, report)
        browser.close()
    return figures


def _answers(browser: "Browser", path: Path) -> dict[str, object]:
    """Set every filter and order once, and each back again; give the slowest answer of each."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, locale="zh-CN")
    start = time.monotonic()
    page.goto(path.as_uri())
    figures: dict[str, object] = {"opened_ms": round(1000 * (time.monotonic() - start))}
    figures["items_shown"] = page.locator(".case").count()
    for name in ("group", "why", "apart", "flag", "sort"):
        values = page.evaluate(_VALUES, name)
        if values:
            times = [_answer(page, name, value) for each in values for value in (each, "")]
            figures[f"{name}_answer_ms"] = max(times)
    words = ("风险", "q 17", "nowhere", "")
    figures["text_first_answer_ms"] = _answer(page, "text", "说明")
    figures["text_answer_ms"] = max(_answer(page, "text", word) for word in words)
    page.close()
    return figures


def _answer(page: "Page", name: str, value: str) -> float:
    took = float(page.evaluate(_ANSWER, [name, value]))
    # What the page moves in turns of its own is through before the next choice.
    page.wait_for_timeout(300)
    return took


def _sheets(browser: "Browser", path: Path) -> float:
    page = browser.new_page(locale="zh-CN")
    page.goto(path.as_uri())
    printed = page.pdf(format="A4", prefer_css_page_size=True)
    page.close()
    return float(len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)))


def manifest_of(rubric: Rubric, prompts: int) -> Manifest:
    """Give the manifest of a made run of two releases under one rubric."""
    edition = RubricEdition(
        rubric=rubric.id,
        language="zh",
        digest=rubric_digest(rubric),
        criteria=tuple(criterion.id for criterion in rubric.criteria),
    )
    return Manifest(
        source=Source(name="made", sha256="0" * 64, rows=2 * prompts),
        rubrics=(edition,),
        judges=(Judge(model="openai/judge"),),
        planned=2 * prompts,
    )


def _make(store: Store, prompts: int) -> None:
    """Keep a run of two releases as a judge and experts would leave it."""
    rubric = load_rubric("safety", language="zh")
    run = store.create_run(
        "run",
        manifest_of(rubric, prompts),
        generations=_generations(prompts),
        documents={f"rubric/{rubric.id}/zh": rubric.model_dump_json()},
    )
    batch: list[Judgment] = []
    for judgment in _judgments(prompts, rubric):
        batch.append(judgment)
        if len(batch) == 1000:
            store.write(run, batch)
            batch = []
    store.write(run, batch)
    store.add_labels(run, _labels(rubric))


def _generations(prompts: int) -> Iterator[Generation]:
    """Make short responses of about 40 to 120 characters, so that the page has room for many."""
    for number in range(prompts):
        for system in RELEASES:
            yield Generation(
                id=f"q {number:05}",
                system=system,
                prompt=f"第 {number} 个问题：邻居的药放在门口，可以替他收着吗？",
                response=f"{system}：先说明风险，再给出一般性的建议，请联系当地的专业机构。"
                * (1 + number % 3),
                group=f"group-{number % 10}",
                lang="zh",
            )


def _safe(number: int, system: str) -> int:
    return int(number % 29 > 0 and (system == RELEASES[0] or number % 41 > 0))


def _judgments(prompts: int, rubric: Rubric) -> Iterator[Judgment]:
    for generation in _generations(prompts):
        number = int(generation.id.removeprefix("q "))
        scored = _safe(number, generation.system)
        yield Judgment(
            key=f"{generation.id}/{generation.system}",
            id=generation.id,
            system=generation.system,
            sample=0,
            group=generation.group,
            lang="zh",
            judge="openai/judge",
            rubric=rubric.id,
            rubric_hash=rubric_digest(rubric),
            verdicts=tuple(
                Scored(
                    criterion=criterion.id,
                    score=scored if place == 0 else criterion.scale.min,
                    rationale=f"回复 {number} 说明了风险，没有给出可以照做的步骤。",
                    evidence="先说明风险",
                )
                for place, criterion in enumerate(rubric.criteria)
            ),
            provenance="LIVE",
            served_model="judge-2026",
            cost_usd=0.001,
            attempts=1,
        )


def _labels(rubric: Rubric) -> Iterator[Label]:
    """Let experts agree with the judge on all but a few of the first prompts."""
    rng = np.random.default_rng(0)
    for number in range(LABELLED):
        for system in RELEASES:
            truth = _safe(number, system)
            for rater in EXPERTS:
                yield Label(
                    id=f"q {number:05}",
                    system=system,
                    rater=rater,
                    criterion=rubric.criteria[0].id,
                    score=float(truth if rng.random() < 0.96 else 1 - truth),
                    group=f"group-{number % 10}",
                    rubric=rubric.id,
                    rubric_hash=rubric_digest(rubric),
                )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Size and speed of the page of a large run.")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="5,000 prompts (default)")
    size.add_argument("--full", action="store_true", help="5,000 and 50,000 prompts")
    parser.add_argument("--out", type=Path, default=HERE.parent / "bench" / "page.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
