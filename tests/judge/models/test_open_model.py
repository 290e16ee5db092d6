"""Which way is taken to a judge, with which key, and what is refused before any call."""

import pytest

from judge.errors import ConfigError
from judge.models import open_model
from judge.models.base import addressed, key_of
from judge.models.limits import Price
from judge.models.litellm import LitellmModel, list_price
from judge.models.openai_compatible import DirectModel
from judge.records import Judge

LOCAL = "http://127.0.0.1:8000/v1"
KEYS = {"OPENAI_API_KEY": "made-up", "ANTHROPIC_API_KEY": "made-up", "DASHSCOPE_API_KEY": "made-up"}


@pytest.mark.parametrize("model", ["openai/qwen3", "hosted_vllm/Qwen/Qwen3-8B", "qwen3"])
async def test_an_endpoint_that_speaks_the_protocol_is_reached_directly(model: str) -> None:
    opened = open_model(Judge(model=model, base_url=LOCAL), environ={})

    assert opened.model.transport == "direct"
    assert opened.why.startswith("direct: ")


@pytest.mark.parametrize(
    ("model", "base_url"),
    [
        ("openai/gpt-4o-mini", None),
        ("dashscope/qwen-max", None),
        ("ollama_chat/qwen3", "http://127.0.0.1:11434"),
    ],
)
def test_everything_else_is_reached_through_litellm(model: str, base_url: str | None) -> None:
    opened = open_model(Judge(model=model, base_url=base_url), environ=KEYS)

    assert opened.model.transport == "litellm"
    assert opened.why.startswith("litellm: ")


@pytest.mark.parametrize(
    ("model", "variable"),
    [("openai/gpt-4o-mini", "OPENAI_API_KEY"), ("dashscope/qwen-max", "DASHSCOPE_API_KEY")],
)
def test_a_provider_without_its_key_is_refused_by_the_name_of_the_variable(
    model: str, variable: str
) -> None:
    with pytest.raises(ConfigError, match=f"export {variable}"):
        open_model(Judge(model=model), environ={})


def test_a_server_of_ones_own_without_an_address_is_refused() -> None:
    with pytest.raises(ConfigError, match="--base-url"):
        open_model(Judge(model="hosted_vllm/qwen3"), environ={})


def test_a_key_in_place_of_a_variables_name_is_never_repeated() -> None:
    judge = Judge(model="openai/qwen3", base_url=LOCAL, api_key_env="sk-canary-0123456789")

    with pytest.raises(ConfigError) as refused:
        open_model(judge, environ={})

    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("model", "environ", "address"),
    [
        ("openai/qwen3", {"OPENAI_BASE_URL": LOCAL}, LOCAL),
        ("openai/qwen3", {"OPENAI_API_BASE": LOCAL}, LOCAL),
        ("hosted_vllm/qwen3", {"HOSTED_VLLM_API_BASE": LOCAL}, LOCAL),
        ("openai/gpt-4o", {"OPENAI_BASE_URL": "https://api.openai.com/v1/"}, None),
        ("openai/gpt-4o", {"OPENAI_BASE_URL": " "}, None),
        ("dashscope/qwen-max", {"OPENAI_BASE_URL": LOCAL}, None),
        ("claude-sonnet-4-5", {"OPENAI_BASE_URL": LOCAL}, None),
    ],
)
def test_an_address_of_the_surroundings_becomes_the_models_own(
    model: str, environ: dict[str, str], address: str | None
) -> None:
    assert addressed(Judge(model=model), environ).base_url == address


def test_an_address_that_was_given_stays() -> None:
    judge = Judge(model="openai/qwen3", base_url=LOCAL)

    assert addressed(judge, {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}) == judge


def test_the_user_may_choose_the_way() -> None:
    opened = open_model(
        Judge(model="openai/qwen3", base_url=LOCAL), transport="litellm", environ={}
    )

    assert opened.model.transport == "litellm"
    assert opened.why == "litellm: as asked"


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        ("azure/gpt-4o", "knows no address for 'azure/gpt-4o'; give it with --base-url"),
        ("nowhere/model", "knows no address for 'nowhere/model'; give it with --base-url"),
        ("openai/gpt-4o-mini", "needs a key: export OPENAI_API_KEY"),
        ("deepseek/deepseek-chat", "needs a key: export DEEPSEEK_API_KEY"),
    ],
)
def test_the_direct_way_needs_an_address_and_a_key(model: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        open_model(Judge(model=model), transport="direct", environ={})


@pytest.mark.parametrize("model", ["nonsense-model", "nowhere/model"])
def test_a_model_of_no_known_provider_is_refused(model: str) -> None:
    with pytest.raises(ConfigError, match="no provider is known"):
        open_model(Judge(model=model), environ={})


@pytest.mark.parametrize(
    "address",
    [
        "ftp://example.org/v1",
        "example.org/v1",
        "http://",
        "http://[::1/v1",
        "http://host:99999/v1",
        "https://user:sk-secret@example.org/v1",
        "https://example.org/v1?key=sk-secret",
        "https://example.org/v1#sk-secret",
    ],
)
def test_an_address_that_is_none_or_holds_a_key_is_refused_without_repeating_it(
    address: str,
) -> None:
    with pytest.raises(ConfigError) as caught:
        open_model(Judge(model="openai/qwen3", base_url=address), environ={})

    assert "sk-secret" not in str(caught.value)


def test_the_named_variable_holds_the_key() -> None:
    judge = Judge(model="openai/qwen3", base_url=LOCAL, api_key_env="MY_KEY")

    assert key_of(judge, {"MY_KEY": "mine", "OPENAI_API_KEY": "usual"}) == "mine"


def test_a_named_variable_that_is_not_set_is_told_by_name() -> None:
    judge = Judge(model="openai/qwen3", base_url=LOCAL, api_key_env="MY_KEY")

    with pytest.raises(ConfigError, match="MY_KEY is not set"):
        open_model(judge, environ={"OPENAI_API_KEY": "usual"})


@pytest.mark.parametrize(
    ("model", "variable"),
    [("openai/m", "OPENAI_API_KEY"), ("hosted_vllm/m", "HOSTED_VLLM_API_KEY")],
)
def test_without_a_name_the_usual_variable_holds_the_key(model: str, variable: str) -> None:
    assert key_of(Judge(model=model, base_url=LOCAL), {variable: "usual"}) == "usual"


def test_a_judge_without_a_key_has_none() -> None:
    assert key_of(Judge(model="openai/m", base_url=LOCAL), {}) is None


@pytest.mark.parametrize(
    ("judge", "provider"),
    [
        (Judge(model="openai/a", base_url=LOCAL), "127.0.0.1:8000"),
        (Judge(model="hosted_vllm/b", base_url=LOCAL), "127.0.0.1:8000"),
        (Judge(model="ollama_chat/c", base_url=LOCAL), "127.0.0.1:8000"),
        (Judge(model="dashscope/qwen-max"), "dashscope"),
        (Judge(model="gpt-4o-mini"), "openai"),
        (Judge(model="claude-sonnet-4-5"), "anthropic"),
    ],
)
def test_judges_at_one_address_share_one_provider(judge: Judge, provider: str) -> None:
    assert open_model(judge, environ=KEYS).model.provider == provider


@pytest.mark.parametrize(
    ("judge", "rungs"),
    [
        (Judge(model="openai/gpt-4o-mini"), ("json_schema", "tools", "json_object", "prompt")),
        (Judge(model="dashscope/qwen-max"), ("tools", "json_object", "prompt")),
        (
            Judge(model="openai/anything", base_url=LOCAL),
            ("json_schema", "tools", "json_object", "prompt"),
        ),
    ],
)
def test_litellm_knows_which_rungs_are_worth_trying(judge: Judge, rungs: tuple[str, ...]) -> None:
    assert LitellmModel(judge, environ=KEYS).rungs == rungs


@pytest.mark.parametrize(
    ("judge", "left_out"),
    [
        (Judge(model="openai/gpt-4o-mini", seed=1), ""),
        (Judge(model="openai/o3"), "; without temperature, which this model does not take"),
        (
            Judge(model="anthropic/claude-sonnet-4-5", seed=1),
            "; without seed, which this model does not take",
        ),
    ],
)
def test_a_setting_that_a_model_does_not_take_is_left_out_and_told(
    judge: Judge, left_out: str
) -> None:
    assert open_model(judge, environ=KEYS).why == (
        f"litellm: it knows the provider of {judge.model}{left_out}"
    )


def test_the_direct_way_tries_every_rung() -> None:
    model = DirectModel(Judge(model="openai/m", base_url=LOCAL), environ={})

    assert model.rungs == ("json_schema", "tools", "json_object", "prompt")


def test_a_list_price_is_that_of_a_token_or_none() -> None:
    # OpenAI's list: 0.15 dollars a million tokens in, 0.60 out.
    assert list_price("openai/gpt-4o-mini") == Price(prompt=1.5e-7, completion=6e-7)
    assert list_price("hosted_vllm/Qwen/Qwen3-8B") is None
    assert list_price("openai/simulated-judge-1") is None
