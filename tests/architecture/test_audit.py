"""The audit notices files that run at every start, and packages that nobody looked up."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "scripts" / "audit.py"
    spec = importlib.util.spec_from_file_location("audit", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_our_own_start_file_is_known_and_others_are_not(audit: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "_editable_impl_cvalues.pth").write_text(f"{audit.ROOT}\n", encoding="utf-8")
    assert list(audit._starters(tmp_path)) == []

    (tmp_path / "litellm_init.pth").write_text("import os", encoding="utf-8")
    (tmp_path / "sitecustomize.py").write_text("", encoding="utf-8")

    assert [fault.split()[0] for fault in audit._starters(tmp_path)] == [
        "litellm_init.pth",
        "sitecustomize.py",
    ]


def test_code_added_to_a_known_file_is_noticed(audit: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "_editable_impl_cvalues.pth"
    path.write_text(f"{audit.ROOT}\nimport os", encoding="utf-8")

    assert len(list(audit._starters(tmp_path))) == 1


def test_the_lock_counts_what_this_platform_installs(audit: ModuleType) -> None:
    lock = "aiohttp==3.13.5 \\\n    --hash=sha256:00\ncolorama==0.4.6 ; sys_platform == 'none' \\\n"

    assert audit._locked(lock) == {"aiohttp"}


@pytest.mark.parametrize("version", ["1.82.7", "1.82.8", "1.107.0", "1.107.3"])
def test_a_malicious_release_is_on_the_list(audit: ModuleType, version: str) -> None:
    assert audit.FORBIDDEN["litellm"].fullmatch(version)
    assert not audit.FORBIDDEN["litellm"].fullmatch("1.106.2")
