"""Audit what is installed: known advisories over the whole lock, and files that run at every start.

An audit that looked nothing up also finds nothing, so the packages that were really audited are
counted against the lock. A `.pth` file can run code whenever Python starts, so each one must be on
a list, by name and content. Usage: `python scripts/audit.py`; exit code 1 unless all is well.
"""

import hashlib
import json
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements-dev.lock"

FORBIDDEN = {"litellm": re.compile(r"1\.82\.[78]|1\.107\..*"), "diskcache": re.compile(r".*")}
"""Malicious or suspect releases, and a package whose advisory has no fix; see SECURITY.md."""

KNOWN_STARTERS = {
    # coverage starts itself in child processes where its own variables are set.
    "a1_coverage.pth": "ef2ed06d19867ec669c09a804060666a9cd5e383af0a9d11aa2de79b77d448e8",
    # setuptools, which python -m venv installs before Python 3.12.
    "distutils-precedence.pth": "04edc70b3d65d368e7b0c6bf75785ff6e21b8ab2bed9e4dfcde8f746f2b29318",
}
"""Name of a file that Python reads at its start to the SHA-256 of its content."""

EDITABLE = "_editable_impl_cvalues.pth"
"""Made by an editable install; it may name this checkout and nothing else."""


def main() -> None:
    """Print each fault; end with 1 if there is any."""
    faults = [*_advisories(), *_forbidden(), *_starters(Path(sysconfig.get_path("purelib")))]
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    if faults:
        raise SystemExit(1)
    sys.stdout.write("audit: nothing found\n")


def _advisories() -> Iterator[str]:
    locked = _locked(LOCK.read_text(encoding="utf-8"))
    done = subprocess.run(
        [
            *[sys.executable, "-m", "pip_audit", "--strict", "--format", "json"],
            *["--requirement", str(LOCK), "--require-hashes", "--disable-pip"],
            *["--progress-spinner", "off"],
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        yield f"pip-audit did not audit ({last[:200]}); nothing is known of any advisory"
        return
    audited = {_name(each["name"]) for each in found if "vulns" in each}
    missing = sorted(locked - audited)
    if missing:
        yield (
            f"{len(audited)} of {len(locked)} locked packages were audited; "
            f"not {', '.join(missing[:5])}{' ...' if len(missing) > 5 else ''}"
        )
    for each in found:
        for flaw in each.get("vulns", []):
            yield f"{each['name']} {each['version']}: {flaw['id']}"
    if done.returncode and not missing and not any(each.get("vulns") for each in found):
        yield f"pip-audit ended with {done.returncode}"


def _locked(lock: str) -> set[str]:
    """Give the packages of the lock that this platform and Python install."""
    from packaging.requirements import Requirement

    lines = re.findall(r"^([A-Za-z0-9][^\n\\]*==[^\n\\]*)", lock, re.MULTILINE)
    wanted = (Requirement(line.strip()) for line in lines)
    return {_name(each.name) for each in wanted if each.marker is None or each.marker.evaluate()}


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _forbidden() -> Iterator[str]:
    for installed in distributions():
        pattern = FORBIDDEN.get(_name(installed.name))
        if pattern and pattern.fullmatch(installed.version):
            yield f"{installed.name} {installed.version} must not be installed"


def _starters(folder: Path) -> Iterator[str]:
    """Name the files in a folder of packages that run at every start and are not known."""
    found: Iterable[Path] = [
        *folder.glob("*.pth"),
        *folder.glob("sitecustomize*"),
        *folder.glob("usercustomize*"),
    ]
    for path in sorted(found):
        content = path.read_bytes() if path.is_file() else b""
        digest = hashlib.sha256(content).hexdigest()
        ours = path.name == EDITABLE and set(content.decode().split("\n")) <= {str(ROOT), ""}
        if not ours and KNOWN_STARTERS.get(path.name) != digest:
            yield f"{path.name} runs at every start of Python and is not known (sha256 {digest})"


if __name__ == "__main__":
    main()
