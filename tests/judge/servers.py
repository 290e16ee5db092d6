"""Simulated servers for tests."""

from judge.simulated.threaded import Running, simulated_server

__all__ = ["Running", "simulated_server"]
