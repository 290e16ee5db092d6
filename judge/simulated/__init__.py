"""A judge for demonstrations and tests: a loopback server with planted truth, errors and faults.

It speaks OpenAI chat completions over real HTTP, so that the real client path is what runs. All
that it says is stamped SIMULATED, and its model names start with `simulated-`.
"""

from judge.simulated.faults import FAULTS
from judge.simulated.judge import SimulatedJudge
from judge.simulated.payloads import PAYLOADS
from judge.simulated.profile import Profile
from judge.simulated.profile_file import ProfileError, load_profile
from judge.simulated.server import SimulatedServer, serve

__all__ = [
    "FAULTS",
    "PAYLOADS",
    "Profile",
    "ProfileError",
    "SimulatedJudge",
    "SimulatedServer",
    "load_profile",
    "serve",
]
