"""The package's surface, and what it costs to import."""

import subprocess
import sys
from pathlib import Path

import rubrics
from rubrics.record import RubricError, visible

ROOT = Path(__file__).parents[2]


def test_the_public_names_are_a_sorted_list() -> None:
    assert rubrics.__all__ == [
        "Rubric",
        "RubricError",
        "list_rubrics",
        "load_rubric",
        "rubric_digest",
    ]
    assert all(hasattr(rubrics, name) for name in rubrics.__all__)


def test_importing_the_package_reads_no_yaml_library_and_no_file() -> None:
    script = """
import sys

opened = []
sys.addaudithook(lambda name, args: opened.append(str(args[0])) if name == "open" else None)
import rubrics

heavy = ("ruamel.yaml", "judge", "calibration", "numpy")
print([module for module in heavy if module in sys.modules])
print([name for name in opened if name.endswith(".yaml")])
"""

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n[]\n"


def test_an_error_says_where_what_and_what_to_do() -> None:
    error = RubricError("weight missing", fix="add it", path=Path("a.yaml"), line=3)

    assert str(error) == "a.yaml:3: weight missing; add it"
    assert (error.what, error.fix, error.line) == ("weight missing", "add it", 3)


def test_an_error_without_a_place_has_no_colon_in_front() -> None:
    assert str(RubricError("no rubric 'x'", fix="see the list")) == "no rubric 'x'; see the list"


def test_control_characters_are_shown_as_codes() -> None:
    assert visible("a\x1b[31m\u202e\nb", longest=80) == "a\\u001b[31m\\u202e\\u000ab"
