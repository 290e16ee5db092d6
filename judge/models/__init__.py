"""Choose the way to a judge: direct where the endpoint speaks OpenAI's protocol, else litellm."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from judge.errors import ConfigError
from judge.models.base import DIRECT_PREFIXES, Model, prefix_of, refuse_secrets
from judge.records import ModelSettings

Transport = Literal["auto", "litellm", "direct"]
"""What a user may ask for; ``auto`` leaves the choice to `open_model`."""


class OpenedModel(NamedTuple):
    """A model, and why it is reached the way it is."""

    model: Model
    why: str
    """One line to print and to record."""
    priced: bool
    """Whether its replies come with what they cost."""


def open_model(
    judge: ModelSettings, *, transport: Transport = "auto", environ: Mapping[str, str] | None = None
) -> OpenedModel:
    """Open the way to a judge.

    Parameters
    ----------
    judge : ModelSettings
    transport : {'auto', 'litellm', 'direct'}
        ``auto`` goes direct for ``openai/`` or ``hosted_vllm/`` with a base URL.
    environ : mapping of str to str, or None
        Where keys are read; None for the process's environment.

    Returns
    -------
    OpenedModel
        Close its model when done.

    Raises
    ------
    ConfigError
        If the judge has no address, cannot be reached that way, or the key's variable is not set.
    """
    refuse_secrets(judge)
    chosen, why = _choose(judge, transport)
    if chosen == "direct":
        from judge.models.openai_compatible import DirectModel

        return OpenedModel(DirectModel(judge, environ=environ), why, priced=False)
    from judge.models.litellm import LitellmModel

    model = LitellmModel(judge, environ=environ)
    if model.left_out:
        why += f"; without {' and '.join(model.left_out)}, which this model does not take"
    return OpenedModel(model, why, model.priced)


def _choose(judge: ModelSettings, transport: Transport) -> tuple[Literal["litellm", "direct"], str]:
    if transport != "auto":
        return transport, f"{transport}: as asked"
    if judge.base_url is None and prefix_of(judge) == "hosted_vllm":
        raise ConfigError(
            f"{judge.model} has no address; give it with --base-url http://host:port/v1."
        )
    if judge.base_url is not None and prefix_of(judge) in DIRECT_PREFIXES:
        return "direct", f"direct: {prefix_of(judge)}/ with a base URL speaks OpenAI's protocol"
    return "litellm", f"litellm: it knows the provider of {judge.model}"
