"""The examples of docs/extending.md, as they stand on the page, used from outside the packages."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from calibration.rater_agreement import coefficients
from calibration.rater_agreement.report import agreement
from judge.report import Report, render
from judge.report.sections import calibration as section
from tests.cli.program import PATIENCE, ROOT, Ended, environment
from tests.cli.program import command as run_command
from tests.judge.report.random_reports import reports

PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"File `([\w.]+)`:\n\n```\w+\n(.*?)```", PAGE, re.DOTALL))
RESPONSES = '{"id": "1", "prompt": "Where is my parcel?", "response": "It arrives tomorrow."}\n'


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Write the page's files, and register them as an installed package would be."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    registered = re.findall(r'\[project\.entry-points\."([\w.]+)"\]\n(\w+) = "([\w:]+)"', PAGE)
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: acme\nVersion: 1.0\n", encoding="utf-8")
    points = "".join(f"[{group}]\n{name} = {target}\n" for group, name, target in registered)
    (info / "entry_points.txt").write_text(points, encoding="utf-8")
    (tmp_path / "responses.jsonl").write_text(RESPONSES, encoding="utf-8")
    return tmp_path


def typed(package: Path, command: str) -> Ended:
    """Type a command of the page, which must stand there word for word."""
    assert f"$ cvalues {command}\n" in PAGE
    done = subprocess.run(
        run_command(*command.split()),
        cwd=package,
        env=environment(package, {"PYTHONPATH": f"{package}:{ROOT}"}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def test_a_provider_of_ones_own_judges(package: Path) -> None:
    ended = typed(
        package, "judge responses.jsonl --rubric mine.yaml --judge acme/judge-1 --run acme"
    )

    assert ended.code == 0, ended.err
    assert "acme: registered for acme/ models" in ended.err


def test_a_rubric_of_ones_own_is_clean(package: Path) -> None:
    ended = typed(package, "rubrics lint mine.yaml")

    assert ended.code == 0, ended.out + ended.err


def test_an_importer_of_ones_own_reads_and_names_what_failed(package: Path) -> None:
    ended = typed(package, "import acme results.json --out imported.jsonl")

    assert ended.code == 0, ended.err
    assert "It arrives tomorrow" in (package / "imported.jsonl").read_text(encoding="utf-8")
    assert "the tool reports an error" in ended.out + ended.err


def test_a_coefficient_of_ones_own_is_a_record_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    own: dict[str, Any] = {}
    exec(FILES["balanced.py"], own)  # noqa: S102 - the page's own example
    listed = (*coefficients.COEFFICIENTS, own["RARER"])
    monkeypatch.setattr(coefficients, "COEFFICIENTS", listed)

    found = agreement([1, 1, 0, 1, 1, 1, 0, 1, 1, 1], [1, 1, 0, 1, 1, 1, 0, 1, 1, 0])

    assert found.estimates["rarer"].value == pytest.approx(2 / 3)


@settings(max_examples=3, deadline=None)
@given(reports().filter(lambda report: report.calibration is not None))
def test_a_picture_of_ones_own_is_a_function_and_a_line(report: Report) -> None:
    own: dict[str, Any] = {}
    exec(FILES["labels_picture.py"], own)  # noqa: S102 - the page's own example

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(section, "PICTURES", (*section.PICTURES, own["label_pictures"]))
        page = render(report)

    assert "Items labelled by experts" in page
    assert "专家标注的条目数" in page
