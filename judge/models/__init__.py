"""Choose the way to a model: by a registry that other packages can add to, or as the user asks.

A way is a function from a model's settings to a `judge.models.base.Model`. It is registered under
one name: the built-in ways in `BUILT_IN`, those of other packages as an entry point of the group
``cvalues.models``. ``--transport NAME`` asks for a way, and so does a model string ``NAME/...``.

To add a way in a package of your own, write one file and register it in your ``pyproject.toml``::

    [project.entry-points."cvalues.models"]
    acme = "acme_judges.client:open_acme"
"""

import importlib
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple, cast

from judge.errors import ConfigError
from judge.models.base import DIRECT_PREFIXES, Model, prefix_of, refuse_secrets
from judge.records import ModelSettings

GROUP = "cvalues.models"
"""The group of entry points under which other packages register ways."""

BUILT_IN: Mapping[str, str] = {
    "direct": "judge.models.openai_compatible:open_direct",
    "litellm": "judge.models.litellm:open_litellm",
    "decisions": "judge.models.decisions:open_decisions",
    "litellm-decisions": "judge.models.decisions:open_litellm_decisions",
}
"""The ways of this package, by name: module and function. They cannot be replaced from outside."""

DECISION_WAYS: Mapping[str, str] = {"direct": "decisions", "litellm": "litellm-decisions"}
"""The twin of a way to a chat model that asks a decision model."""

Transport = str
"""``auto``, or the name of a registered way; ``auto`` leaves the choice to `open_model`."""


class OpenedModel(NamedTuple):
    """A model, and why it is reached the way it is."""

    model: Model
    why: str
    """One line to print and to record."""
    priced: bool
    """Whether its replies come with what they cost."""


OpenWay = Callable[[ModelSettings, Mapping[str, str] | None], Model]
"""What a way's function takes: the model, and where keys are read (None for the process's own
environment). It raises `ConfigError` where the model cannot be reached this way."""


def transports() -> tuple[str, ...]:
    """Name what ``--transport`` takes: ``auto``, then each registered way in alphabetical order."""
    return ("auto", *sorted({*BUILT_IN, *_registered()}))


def open_model(
    judge: ModelSettings, *, transport: Transport = "auto", environ: Mapping[str, str] | None = None
) -> OpenedModel:
    """Open the way to a judge.

    Parameters
    ----------
    judge : ModelSettings
    transport : str
        A name of `transports`. ``auto`` takes the way that is registered under the prefix of the
        model string, goes direct for ``openai/`` or ``hosted_vllm/`` with a base URL, and takes
        litellm for the rest.
    environ : mapping of str to str, or None
        Where keys are read; None for the process's environment.

    Returns
    -------
    OpenedModel
        Close its model when done.

    Raises
    ------
    ConfigError
        If the judge has no address, cannot be reached that way, the key's variable is not set, or
        nothing is registered under the name.
    """
    refuse_secrets(judge)
    chosen, why = _choose(judge, transport)
    if getattr(judge, "api", "chat") == "decisions":
        chosen = DECISION_WAYS.get(chosen, chosen)
        why += "; asked for probabilities"
    model = _way(chosen)(judge, environ)
    left_out: tuple[str, ...] = getattr(model, "left_out", ())
    if left_out:
        why += f"; without {' and '.join(left_out)}, which this model does not take"
    return OpenedModel(model, why, priced=bool(getattr(model, "priced", False)))


def _choose(judge: ModelSettings, transport: Transport) -> tuple[str, str]:
    prefix = prefix_of(judge)
    if transport != "auto":
        return transport, f"{transport}: as asked"
    if prefix in BUILT_IN or prefix in _registered():
        return prefix, f"{prefix}: registered for {prefix}/ models"
    if judge.base_url is None and prefix == "hosted_vllm":
        raise ConfigError(
            f"{judge.model} has no address; give it with --base-url http://host:port/v1."
        )
    if judge.base_url is not None and prefix in DIRECT_PREFIXES:
        return "direct", f"direct: {prefix}/ with a base URL speaks OpenAI's protocol"
    return "litellm", f"litellm: it knows the provider of {judge.model}"


def _way(name: str) -> OpenWay:
    if name in BUILT_IN:
        module, _, function = BUILT_IN[name].partition(":")
        return cast("OpenWay", getattr(importlib.import_module(module), function))
    found = _registered().get(name)
    if found is None:
        known = ", ".join(transports())
        raise ConfigError(f"no way to a model is named {name!r}; known are {known}.")
    try:
        return cast("OpenWay", found.load())
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"the way {name!r} ({found.value}) cannot be loaded: {error}; reinstall its package."
        ) from None


def _registered() -> Mapping[str, EntryPoint]:
    """Find the ways of other packages; of two with one name the first that Python finds."""
    return {point.name: point for point in reversed(entry_points(group=GROUP))}
