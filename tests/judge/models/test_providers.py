"""The table of providers for the direct way, against litellm's own tables."""

import tomllib
from importlib.resources import files
from typing import Any

import pytest

from judge.errors import ConfigError
from judge.models.limits import Price
from judge.models.litellm import load_litellm
from judge.models.openai_compatible import endpoint_of, listed_model
from judge.records import Judge, Usage

SOURCE = files("judge.models").joinpath("providers.toml").read_text(encoding="utf-8")
TABLE: dict[str, dict[str, Any]] = tomllib.loads(SOURCE)
TOLD = sorted(TABLE.keys() - {"openai", "azure", "openrouter", "hosted_vllm"})
"""Providers of which litellm tells address and key; of the others its client does."""
KEY = "sk-0123456789abcdef"


# Of litellm's own types, which complain as they load.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("prefix", TOLD)
def test_addresses_and_keys_are_those_of_litellm(
    prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    litellm = load_litellm()
    for entry in TABLE.values():
        for name in (*entry["key"], *entry.get("base", ())):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(TABLE[prefix]["key"][0], KEY)

    _, provider, key, address = litellm.get_llm_provider(f"{prefix}/m")

    assert (provider, key, address) == (prefix, KEY, TABLE[prefix]["url"])


@pytest.mark.parametrize("prefix", TOLD)
def test_a_provider_is_reached_with_its_own_key_and_name(prefix: str) -> None:
    name = TABLE[prefix]["key"][0]
    endpoint = endpoint_of(Judge(model=f"{prefix}/some/model"), {name: f" {KEY} "})

    assert endpoint.url == f"{TABLE[prefix]['url']}/chat/completions"
    assert endpoint.headers == {"Authorization": f"Bearer {KEY}"}
    assert endpoint.model == "some/model"
    with pytest.raises(ConfigError, match=f"needs a key: export {name}"):
        endpoint_of(Judge(model=f"{prefix}/some/model"), {})


def test_azure_has_deployments_versions_and_a_header_of_its_own() -> None:
    environ = {"AZURE_API_KEY": KEY, "AZURE_API_BASE": "https://x.openai.azure.com/"}
    judge = Judge(model="azure/my-gpt")

    endpoint = endpoint_of(judge, environ)
    dated = endpoint_of(judge, {**environ, "AZURE_API_VERSION": "2025-04-01-preview"})

    root = "https://x.openai.azure.com/openai/deployments/my-gpt/chat/completions"
    assert endpoint.url == f"{root}?api-version=2024-10-21"
    assert dated.url == f"{root}?api-version=2025-04-01-preview"
    assert endpoint.headers == {"api-key": KEY}


@pytest.mark.parametrize(
    ("model", "tokens"), [("deepseek/deepseek-chat", 1000), ("gpt-4.1", 10), ("groq/none", 10)]
)
def test_prices_are_those_of_litellms_list(model: str, tokens: int) -> None:
    listed = load_litellm().model_cost.get(model)
    known = listed_model(model)

    if listed is None:
        assert known == {}
        return
    price = Price(prompt=known["input_cost_per_token"], completion=known["output_cost_per_token"])
    usage = Usage(prompt_tokens=tokens, completion_tokens=tokens)
    each = listed["input_cost_per_token"] + listed["output_cost_per_token"]
    assert price.cost(usage) == pytest.approx(tokens * each)


def test_what_litellm_lists_as_openai_like_is_known_without_an_entry_here() -> None:
    providers = load_litellm().llms.openai_like.json_loader.JSONProviderRegistry
    providers.load()
    names = [name for name in providers.list_providers() if name not in TABLE]

    assert names
    for name in names:
        listed = providers.get(name)
        endpoint = endpoint_of(Judge(model=f"{name}/m"), {listed.api_key_env: KEY})
        assert endpoint.url == f"{listed.base_url.rstrip('/')}/chat/completions"
