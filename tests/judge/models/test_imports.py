"""What importing costs: no provider library until it is used, and no network when it is."""

import subprocess
import sys
from pathlib import Path

import judge.models

MODULES = sorted(
    f"judge.models.{path.stem}"
    for path in Path(judge.models.__path__[0]).glob("*.py")
    if path.stem != "__init__"
)


def run(program: str) -> str:
    """Run Python anew and give what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout


def test_importing_the_ways_to_a_model_imports_no_provider_library() -> None:
    program = f"import sys, {', '.join(MODULES)}; print(*sys.modules, sep='\\n')"

    loaded = set(run(program).splitlines())

    assert "judge.models.litellm" in loaded
    assert not loaded & {"litellm", "instructor", "openai", "httpx", "pandas", "sqlalchemy"}


def test_litellm_is_loaded_without_a_connection_or_a_word() -> None:
    program = (
        "import sys\n"
        "def watch(event, arguments):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo'):\n"
        "        print(event, arguments)\n"
        "sys.addaudithook(watch)\n"
        "from judge.models.litellm import load_litellm\n"
        "litellm = load_litellm()\n"
        "print(litellm.telemetry, litellm.drop_params, litellm.callbacks)"
    )

    assert run(program) == "False False []\n"
