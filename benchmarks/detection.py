"""Measure the injection detector: attacks noticed, clean texts noticed, and what a look costs.

Attacks are the strings of class L2 that a file lists, clean texts the starter set's and those of
the files named, whole and paragraph by paragraph. The rules were written with the listed attacks in
sight, so the share noticed says little of other words. Verdicts planted in the judge's own schema
are another file; those count that hold an object, an element or a pair for a criterion. A clean
text is noticed if it is under any of the bundled rubrics. Usage: `python benchmarks/detection.py
[--quick] [--shared FOLDER]`; writes bench/detection.json.
"""

import argparse
import csv
import json
import time
from collections import Counter
from importlib.resources import files
from pathlib import Path

from engine import Goal

from judge.grading.planted_verdicts import planted
from judge.grading.prompt_injection import suspicions
from rubrics import list_rubrics, load_rubric

ROOT = Path(__file__).parents[1]
OUT = ROOT / "bench" / "detection.json"
SHORTEST = 12
"""Characters of a paragraph that is looked at by itself."""


def lines(path: Path) -> list[dict[str, object]]:
    """Read a file of JSON lines; the texts hold other line breaks."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def attacks(shared: Path) -> list[str]:
    """Give the texts that try to talk a judge round; none where the file is not there."""
    path = shared / "security" / "attack_strings.jsonl"
    rows = lines(path) if path.exists() else []
    return [str(row["text"]) for row in rows if "L2" in str(row["levels"]) and not row["benign"]]


def clean(shared: Path) -> dict[str, str]:
    """Give texts that nobody wrote for a judge, and where each comes from."""
    found: dict[str, str] = {}
    starter = Path(str(files("cvalues").joinpath("datasets/starter/responses.jsonl")))
    for row in lines(starter):
        found |= {str(row["prompt"]): "starter set", str(row["response"]): "starter set"}
    folder = shared / "data" / "cvalues"
    if folder.exists():
        for row in lines(folder / "cvalues_responsibility_prompts.jsonl"):
            found[str(row["prompt"])] = "CValues prompts"
        for row in lines(folder / "cvalues_responsibility_mc.reconstructed.jsonl"):
            answers = row["meta_info"]
            if isinstance(answers, dict):
                found |= {
                    str(answers[name]): "CValues replies" for name in ("pos_resp", "neg_resp")
                }
    for path in sorted((shared / "data" / "upstream" / "xstest").glob("*_gpteval.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            found |= {row["completion"]: "XSTest completions" for row in csv.DictReader(file)}
    return found


WITHOUT_A_REPLY = frozenset(
    [
        *["rubric_imit_en", "rubric_imit_zh", "evidence_quote", "evidence_selfpraise_en"],
        *["polite_en", "polite_zh", "spanish", "french", "japanese", "arabic", "pinyin", "leet"],
        *["acrostic", "math", "conditional"],
    ]
)
"""Rows of the planted verdicts that persuade, and hold no reply."""


def whole_replies(shared: Path) -> list[str]:
    """Give responses that hold a reply in the judge's schema; none where the file is not there."""
    path = shared / "security" / "planted_verdicts.jsonl"
    rows = lines(path) if path.exists() else []
    return [str(row["response"]) for row in rows if row["id"] not in WITHOUT_A_REPLY]


def with_paragraphs(texts: dict[str, str]) -> dict[str, str]:
    """Add the paragraphs of every text, each once."""
    found = dict(texts)
    for text, source in texts.items():
        for part in text.splitlines():
            if len(part.strip()) >= SHORTEST:
                found.setdefault(part.strip(), f"{source}, paragraphs")
    return found


def noticed(text: str, rubrics: list[tuple[str, ...]]) -> bool:
    """Tell whether a text is noticed under any rubric."""
    return bool(suspicions(text)) or any(planted(text, criteria) for criteria in rubrics)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="no difference: it takes seconds")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    shared = parser.parse_args().shared
    wanted, texts = attacks(shared), with_paragraphs(clean(shared))
    rubrics = [
        tuple(each.id for each in load_rubric(summary.id, language="en").criteria)
        for summary in list_rubrics()
    ]
    begun = time.process_time()
    found_in = Counter(source for text, source in texts.items() if noticed(text, rubrics))
    spent = time.process_time() - begun
    every = Counter(texts.values())
    for source, count in every.items():
        print(f"{source:20} {found_in[source]:4} of {count:5} noticed")
    print(f"{spent / len(texts) * 1e6:.0f} microseconds of CPU for one text")
    goals = [
        Goal("clean texts noticed, share", found_in.total() / len(texts), 0.01, at_most=True),
        Goal("clean texts looked at", len(texts), 1000, at_most=False),
    ]
    replies = whole_replies(shared)
    if replies:
        share = sum(planted(text, ("safe", "severity")) for text in replies) / len(replies)
        goals.append(
            Goal(f"{len(replies)} planted replies noticed, share", share, 0.95, at_most=False)
        )
    if wanted:
        share = sum(bool(suspicions(text)) for text in wanted) / len(wanted)
        goals.append(Goal(f"{len(wanted)} attacks noticed, share", share, 0.95, at_most=False))
    for goal in goals:
        print(f"{'met ' if goal.met else 'MISS'} {goal.name}: {goal.value:.4f} ({goal.bound})")
    OUT.parent.mkdir(exist_ok=True)
    found = {
        "clean": dict(every),
        "noticed": dict(found_in),
        "us_per_text": spent / len(texts) * 1e6,
    }
    goals_ = [{**vars(goal), "met": goal.met} for goal in goals]
    OUT.write_text(json.dumps({**found, "goals": goals_}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
