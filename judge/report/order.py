"""In which order a page lists systems and groups: the same in all tables and pictures."""

import re
from collections.abc import Sequence

from judge.errors import ConfigError
from judge.report.record import GroupName, Measure, ScoreCell


def ordered_systems(systems: Sequence[str], baseline: str | None) -> tuple[str, ...]:
    """List systems by name, numbers in names by size, the baseline first.

    Raises
    ------
    ConfigError
        If the baseline is none of them.
    """
    if baseline is not None and baseline not in systems:
        raise ConfigError(f"baseline {baseline!r} was not judged; it has {', '.join(systems)}.")
    return tuple(sorted(systems, key=lambda system: (system != baseline, _natural(system))))


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """Split a name at its numbers, so that 4b comes before 14b."""
    return tuple(
        (int(part), "") if part.isdecimal() and part.isascii() else (-1, part)
        for part in re.split(r"([0-9]{1,12})", name)
    )


def ordered_groups(
    groups: Sequence[GroupName], cells: Sequence[ScoreCell], measures: Sequence[Measure]
) -> tuple[GroupName, ...]:
    """List groups by size of effect on the first main measure, ties by key.

    With two systems or more the effect is the last one's change from the first, largest loss on
    top; with one it is the value, lowest on top. Groups without a value come last.
    """
    main = next((index for index, measure in enumerate(measures) if measure.main), None)
    sign = -1.0 if main is not None and measures[main].good == "low" else 1.0
    effects: dict[str | None, float] = {}
    for group in groups:
        values = [
            cell.score.value
            for cell in cells
            if cell.score and cell.measure == main and not cell.overall and cell.group == group.key
        ]
        if values:
            effects[group.key] = sign * (values[-1] - values[0] if len(values) > 1 else values[0])
    return tuple(
        sorted(
            groups,
            key=lambda group: (
                group.key not in effects,
                effects.get(group.key, 0.0),
                group.key or "",
            ),
        )
    )
