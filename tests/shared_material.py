"""Real data that may lie beside a checkout; tests that need it are skipped where it does not."""

import json
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared_file(*parts: str) -> Path:
    """Give a file beside the checkout, or skip the test."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs {'/'.join(parts)} beside the checkout")
    return path


def attack_strings() -> list[dict[str, str]]:
    """Read the attack strings; none where they are not there."""
    path = SHARED / "security" / "attack_strings.jsonl"
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as lines:  # the strings hold U+2028, so no splitlines()
        return [json.loads(line) for line in lines]
