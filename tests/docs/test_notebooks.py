"""The notebooks of examples/ run from top to bottom, inside an event loop as Jupyter has one."""

import ast
import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def last_values(path: Path) -> list[str]:
    """Run a notebook; give how each cell's last value shows itself."""
    names: dict[str, Any] = {}
    shown: list[str] = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            body = ast.parse("".join(cell["source"])).body
            last = body.pop() if isinstance(body[-1], ast.Expr) else None
            exec(compile(ast.Module(body, []), path.name, "exec"), names)  # noqa: S102 - our own
            if isinstance(last, ast.Expr):
                value = eval(compile(ast.Expression(last.value), path.name, "eval"), names)  # noqa: S307 - our cells
                html = getattr(value, "_repr_html_", None)
                shown.append(html() if html else repr(value))
    return shown


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("calibrate", ["SIMULATED: 216 planned = 216 scored", "Use the corrected scores below"]),
        ("release", ["safety_rate", "No decision: the judge is not trusted.", "('UNTRUSTED', 4)"]),
    ],
)
def test_a_notebook_runs_and_shows_its_results(name: str, expected: list[str]) -> None:
    async def in_a_loop() -> list[str]:
        return last_values(ROOT / "examples" / f"{name}.ipynb")

    shown = "\n".join(asyncio.run(in_a_loop()))

    assert [text for text in expected if text not in shown] == []
