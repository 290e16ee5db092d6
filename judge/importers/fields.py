"""Fields that prompts and responses share."""

import datetime
from collections.abc import Container
from typing import get_args

from calibration.tables import Row, optional_choice
from judge.records import Language


def language(row: Row) -> Language | None:
    """Read the column ``lang``: zh, en, or nothing."""
    word = optional_choice(row, "lang", get_args(Language))
    return next((known for known in get_args(Language) if known == word), None)


def unknown_fields(row: Row, known: Container[str]) -> dict[str, object]:
    """Keep the columns that this project does not read; dates of a sheet as text."""
    return {name: _kept(value) for name, value in row.values.items() if name not in known}


def _kept(value: object) -> object:
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return str(value) if isinstance(value, datetime.timedelta) else value
