"""Real data of tests: most of it in tests/data, the rest beside a checkout or not at all."""

import atexit
import gzip
import json
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

DATA = Path(__file__).parent / "data"
"""What licences allow to be passed on; tests/data/NOTICE names them."""
BESIDE = Path(__file__).resolve().parents[2] / "shared"
"""Further data, which may lie beside the checkout."""


def shared_file(*parts: str) -> Path:
    """Give a file of real data, or skip the test where it is neither in tests/data nor beside."""
    own = DATA.joinpath(*parts[1:] if parts[0] == "data" else parts)
    if own.exists():
        return own
    packed = own.with_name(f"{own.name}.gz")
    if packed.exists():
        return _unpacked(packed)
    path = BESIDE.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs {'/'.join(parts)} beside the checkout")
    return path


@cache
def _unpacked(packed: Path) -> Path:
    folder = Path(mkdtemp(prefix="cvalues-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / packed.stem
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    return path


def attack_strings() -> list[dict[str, str]]:
    """Read the attack strings."""
    path = shared_file("security", "attack_strings.jsonl")
    with path.open(encoding="utf-8") as lines:  # the strings hold U+2028, so no splitlines()
        return [json.loads(line) for line in lines]
