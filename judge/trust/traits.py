"""Properties of responses that should not move a judge, read off their texts or a column."""

import math
from collections.abc import Mapping

from calibration.covariates import is_chinese, log_length
from judge.errors import ConfigError
from judge.trust.part import Unit


def text_traits(texts: Mapping[Unit, str]) -> dict[str, dict[Unit, float]]:
    """Measure length and language: doublings of characters, and 1 for Chinese; NaN if neither."""
    listed = list(texts.values())
    return {
        "length": dict(zip(texts, log_length(listed).tolist(), strict=True)),
        "chinese": dict(zip(texts, is_chinese(listed).tolist(), strict=True)),
    }


def column_trait(name: str, values: Mapping[Unit, object]) -> tuple[str, dict[Unit, float]]:
    """Read a property from a column of numbers, or of two words.

    Parameters
    ----------
    name : str
        Of the column.
    values : mapping of unit to object
        None or an empty text where the property is not known.

    Returns
    -------
    (str, dict of unit to float)
        Name of the property, and 1 for the second of two words in the order of the alphabet.

    Raises
    ------
    ConfigError
        If no item has a value, or there are words of more than two kinds.
    """
    known = {unit: value for unit, value in values.items() if value is not None and value != ""}
    if not known:
        raise ConfigError(f"--covariate: no item has a value in column {name!r}.")
    numbers = {unit: _number(value) for unit, value in known.items()}
    if not any(math.isnan(number) for number in numbers.values()):
        return name, numbers
    words = sorted({str(value) for value in known.values()})
    if len(words) > 2:
        raise ConfigError(
            f"--covariate: column {name!r} holds {len(words)} different texts, such as "
            f"{words[0][:40]!r}; it takes numbers, or two words."
        )
    return f"{name} = {words[-1]}", {
        unit: float(str(value) == words[-1]) for unit, value in known.items()
    }


def _number(value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        return float("nan")
    return number if math.isfinite(number) else float("nan")
