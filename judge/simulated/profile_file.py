"""Read a profile from JSON, with file and line in every complaint."""

import json
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

from pydantic import BaseModel, ValidationError

from judge.files.decoding import STRICT, StrictJsonError
from judge.simulated.faults import FAULTS, PAYLOADS
from judge.simulated.payloads import DECISION_PAYLOADS
from judge.simulated.profile import (
    Candidate,
    Clause,
    ErrorRates,
    Latency,
    Pair,
    PairwiseErrors,
    PlannedFault,
    Profile,
    RateLimit,
)

_RECORDS: tuple[type[BaseModel], ...] = (
    Profile,
    ErrorRates,
    PairwiseErrors,
    Latency,
    RateLimit,
    PlannedFault,
    Candidate,
    Pair,
    Clause,
)
_KEYS = frozenset(name for record in _RECORDS for name in record.model_fields)


class ProfileError(ValueError):
    """A profile cannot be used; the message is one line: where, what, how to fix it."""


def load_profile(path: Path) -> Profile:
    """Read a profile file.

    Parameters
    ----------
    path : Path
        JSON in UTF-8.

    Raises
    ------
    ProfileError
        If the file cannot be read, is not JSON, repeats a key, or is no profile.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ProfileError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8.") from error
    except OSError as error:
        raise ProfileError(f"{path}: {error.strerror}; name a JSON file.") from error
    return read_profile(text, source=str(path))


def read_profile(text: str, *, source: str) -> Profile:
    """Read the text of a profile; `source` is what complaints call it."""
    try:
        STRICT.decode(text)
    except json.JSONDecodeError as error:
        raise ProfileError(f"{source}:{error.lineno}: not JSON: {error.msg}; fix it.") from error
    except (StrictJsonError, RecursionError) as error:
        raise ProfileError(f"{source}: {error}; correct it.") from error
    try:
        profile = Profile.model_validate_json(text)
    except ValidationError as error:
        _complain(text, source, error)
    _check_modes(profile, text, source)
    return profile


def _complain(text: str, source: str, error: ValidationError) -> NoReturn:
    fault = error.errors(include_url=False)[0]
    line = _line_of(text, fault["loc"])
    where = ".".join(map(str, fault["loc"]))
    advice = "correct or remove it."
    if fault["type"] == "extra_forbidden":
        near = get_close_matches(str(fault["loc"][-1]), _KEYS, n=1)
        advice = f"did you mean {near[0]!r}?" if near else "remove it."
    raise ProfileError(f"{source}:{line}: {where}: {fault['msg']}; {advice}") from error


def _check_modes(profile: Profile, text: str, source: str) -> None:
    modes = (*FAULTS, *PAYLOADS, *DECISION_PAYLOADS)
    for index, planned in enumerate(profile.faults):
        if planned.mode not in modes:
            line = _line_of(text, ("faults", index, "mode"))
            near = get_close_matches(planned.mode, modes, n=1)
            advice = f"did you mean {near[0]!r}?" if near else "--list-faults shows all."
            raise ProfileError(f"{source}:{line}: no mode is called {planned.mode!r}; {advice}")


def _line_of(text: str, location: Sequence[str | int]) -> int:
    """Find the line of a member, or of the deepest part of the way to it that exists."""
    position = _after_space(text, 0)
    for step in location:
        members = dict(_members(text, position))
        if step not in members:
            break
        position = members[step]
    return text.count("\n", 0, position) + 1


def _members(text: str, start: int) -> list[tuple[str | int, int]]:
    """List the members of the object or array at a position, each with its value's position."""
    if text[start] not in "{[":
        return []
    decoder, found = json.JSONDecoder(), list[tuple[str | int, int]]()
    position = _after_space(text, start + 1)
    while text[position] not in "}]":
        key: str | int = len(found)
        if text[start] == "{":
            key, position = decoder.raw_decode(text, position)
            position = _after_space(text, position)
        found.append((key, position))
        position = _after_space(text, decoder.raw_decode(text, position)[1])
    return found


def _after_space(text: str, position: int) -> int:
    """Skip what stands between members: blanks, commas and colons."""
    while position < len(text) and text[position] in " \t\r\n,:":
        position += 1
    return position
