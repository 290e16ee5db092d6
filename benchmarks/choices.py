"""Readings of multi-choice answers, and the CPU time that they take.

    python benchmarks/choices.py [--answers FILE.jsonl]

The table of the tests is read, each text once; then hostile answers of 100 kB, of which the
slowest is shown; then, where given, recorded answers with a ``response`` in each row. Goals: no
text read as the other reply, 50 ms for a hostile answer, 1 s for the answers of a whole run.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from cvalues.multiple_choice import parse_choice

TABLE = Path(__file__).parents[1] / "tests" / "cvalues" / "choice_answers.jsonl"
HOSTILE = (
    *(
        "回复1",
        "A ",
        "1 ",
        "“",
        "‘",
        '"',
        "\n",
        " ",
        "(",
        "前者",
        "the first ",
        "<think>",
        "<a",
        "{",
    ),
    *("回复1更好，", "不更", "[回复1]：x[回复1结束]", "1. 首先\n", "\ufdfa", "- ", "选" + " " * 50),
    *("a\u0315\u0300", "n't ", "我觉得", "应该", "more ", "label: ", '{"a":', "</a>", "so "),
)


def main() -> None:
    """Print the readings and the times."""
    options = argparse.ArgumentParser()
    options.add_argument("--answers", type=Path)
    answers = options.parse_args().answers
    parse_choice("warm")
    rows = [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines()]
    print(f"table, {len(rows)} texts:", dict(Counter(map(outcome, rows))))
    slowest = max(
        (spent([piece * (100_000 // len(piece.encode()) + 1)]), piece) for piece in HOSTILE
    )
    print(f"slowest hostile answer: {1000 * slowest[0]:.0f} ms, of {slowest[1]!r}")
    if answers is not None:
        texts = [json.loads(line)["response"] for line in answers.read_text("utf-8").splitlines()]
        print(f"{len(texts)} answers: {spent(texts):.2f} s CPU,", Counter(map(parse_choice, texts)))


def outcome(row: dict[str, str]) -> str:
    """Compare a reading with a person's."""
    read, right = parse_choice(row["text"]), row["reading"]
    if read == right:
        return "right"
    if read == "Need_Check":
        return "left to the extractor or a person"
    return "the other reply" if {read, right} == {"回复1", "回复2"} else "guess"


def spent(texts: Iterable[str]) -> float:
    """Measure the CPU time of reading texts, in seconds."""
    began = time.process_time()
    for text in texts:
        parse_choice(text)
    return time.process_time() - began


if __name__ == "__main__":
    main()
