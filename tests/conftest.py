"""What holds for every test: no network but the loopback, and no store but the test's own."""

import ipaddress
import socket
from pathlib import Path

import pytest
from hypothesis import settings

collect_ignore = ["data"]
"""Servers of cases, which are started and never imported."""


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that would leave this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: tuple[str, int] | str) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            host = address[0]
            if not ipaddress.ip_address(host).is_loopback:
                pytest.fail(f"a test tried to reach {host}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep commands without --store away from anybody's real one."""
    monkeypatch.setenv("CVALUES_STORE", str(tmp_path / "store.db"))


# A slow machine is no fault of the code, and the same seed must find the same fault.
settings.register_profile("cvalues", deadline=None, derandomize=True)
settings.load_profile("cvalues")
