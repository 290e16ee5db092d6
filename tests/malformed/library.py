"""All bad tables, and the two ways in which they are read. Bad rubrics lie with their tests."""

from pathlib import Path
from random import Random

from judge.files.read import read_rows
from judge.files.row import integer, text
from judge.importers.responses import read_generations
from tests.malformed.case import Case
from tests.malformed.csv_files import csv_cases
from tests.malformed.jsonl_files import jsonl_cases
from tests.malformed.xlsx_files import xlsx_cases

SEED = 20_261
CASES = (*jsonl_cases(), *csv_cases(), *xlsx_cases())
SAMPLE = tuple(Random(SEED).sample(CASES, 60))


def written(case: Case, folder: Path, seed: int = SEED) -> Path:
    """Write a bad file; the same seed gives the same bytes."""
    path = folder / case.file
    case.write(path, Random(f"{seed} {case.name}"))
    return path


def read(case: Case, path: Path) -> None:
    """Read a file to its end as what it says it is."""
    if case.reads == "responses":
        for _ in read_generations(path, encoding=case.encoding):
            pass
        return
    for row in read_rows(path, required=("id", "rater", "score"), encoding=case.encoding):
        text(row, "id")
        text(row, "rater")
        integer(row, "score", low=1, high=5)
