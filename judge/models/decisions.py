"""Decision models: typed questions in, a probability for each option out, no text.

One call asks for a whole rubric. Where the judge has an address of its own the call is ours, in
either form of the wire: a server that does not know ``/v1/decisions`` is asked by
``/v1/systemone``. Every other provider is reached through litellm, which knows its form.
"""

import asyncio
import importlib
import json
import os
from collections.abc import Mapping
from typing import Any, Literal, cast

import aiohttp

from judge.errors import (
    ConfigError,
    ConnectionFailed,
    DeadlineExceeded,
    ModelError,
    ReplyMalformed,
    RequestRejected,
    RungRejected,
)
from judge.models.base import (
    DIRECT_PREFIXES,
    NO_KEY,
    Question,
    Reply,
    key_of,
    netloc_of,
    prefix_of,
    secrets_of,
)
from judge.models.decision_wire import (
    Questions,
    ReplyReader,
    WireForm,
    body_of,
    check_limits,
    encoded_questions,
    read_response,
    wire_questions,
)
from judge.models.http_errors import fault_from, fault_of, wait_wanted
from judge.models.http_session import Wire, join_wire, one_call, open_session, proxy_for
from judge.models.limits import decision_price
from judge.models.litellm import load_litellm
from judge.records import ModelSettings, Rung

KEPT = 256
"""Sets of questions that are kept as bytes; a run has one for each rubric and language."""

NO_SUCH_ROUTE = frozenset({404, 405, 501})


def open_decisions(judge: ModelSettings, environ: Mapping[str, str] | None) -> "DirectDecisions":
    """Open the direct way; see `DirectDecisions`."""
    return DirectDecisions(judge, environ=environ)


def open_litellm_decisions(
    judge: ModelSettings, environ: Mapping[str, str] | None
) -> "LitellmDecisions":
    """Open the way through litellm; see `LitellmDecisions`."""
    return LitellmDecisions(judge, environ=environ)


class DirectDecisions:
    """One decision model behind an address of its own.

    Parameters
    ----------
    judge : ModelSettings
        Needs a base URL.
    environ : mapping of str to str, or None
        Where keys are read; None for the process's environment.

    Raises
    ------
    ConfigError
        If there is no base URL, or the key's variable is not set.
    """

    transport: Literal["direct"] = "direct"
    rungs: tuple[Rung, ...] = ("decisions", "systemone")

    def __init__(self, judge: ModelSettings, *, environ: Mapping[str, str] | None = None) -> None:
        if judge.base_url is None:
            raise ConfigError("the direct way to a decision model needs --base-url.")
        self.provider = netloc_of(judge.base_url)
        self._base = judge.base_url.rstrip("/")
        self._model = _name_at_the_server(judge)
        environ = os.environ if environ is None else environ
        self._key = key_of(judge, environ) or NO_KEY
        self._secrets = secrets_of(judge, environ)
        self._session: aiohttp.ClientSession | None = None
        self._rubrics: dict[int, _Asked] = {}

    def __repr__(self) -> str:
        """Name the address, never the key."""
        return f"DirectDecisions({self._base!r})"

    async def ask(self, question: Question) -> Reply:
        """Make one HTTP call.

        Raises
        ------
        ModelError
            If no reply arrived within the deadline, or the provider refused.
        """
        asked = questions_of(question)
        try:
            async with asyncio.timeout(question.deadline):
                return await self._call(question, asked)
        except TimeoutError:
            raise DeadlineExceeded(f"no whole reply in {question.deadline:g} s") from None
        except (aiohttp.ClientError, OSError):
            raise ConnectionFailed("the connection was refused, reset or cut") from None

    async def _call(self, question: Question, asked: Questions) -> Reply:
        form: WireForm = "systemone" if question.rung == "systemone" else "decisions"
        rubric = self._rubric(asked)
        body = body_of(
            form, self._model, messages=question.messages, questions=rubric.encoded(form)
        )
        async with self._open_session().post(
            f"{self._base}/{form}", data=body, allow_redirects=False
        ) as response:
            content = await response.read()
            if response.status < 300:
                return rubric.reader.read(content, rung=form, secrets=self._secrets)
            raise _fault(response, content.decode("utf-8", "replace"), form)

    def _rubric(self, asked: Questions) -> "_Asked":
        """Give what is made of a rubric's questions once; a run asks the same ones every time."""
        kept = self._rubrics.get(id(asked))
        if kept is None:
            if len(self._rubrics) >= KEPT:
                self._rubrics.clear()
            kept = self._rubrics[id(asked)] = _Asked(asked)
        return kept

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            headers = {
                "Authorization": f"Bearer {self._key}",
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
            }
            self._session = open_session(headers=headers, proxy=proxy_for(self._base))
        return self._session

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class _Asked:
    """A rubric's questions as bytes, and what reads the answers.

    It is known by the identity of the questions and keeps them: while they live, nothing else can
    have the same.
    """

    def __init__(self, asked: Questions) -> None:
        self.reader = ReplyReader(asked)
        self._questions = asked
        self._encoded: dict[WireForm, bytes] = {}

    def encoded(self, form: WireForm) -> bytes:
        """Give the questions in one form of the wire."""
        if form not in self._encoded:
            self._encoded[form] = encoded_questions(form, self._questions)
        return self._encoded[form]


def _name_at_the_server(judge: ModelSettings) -> str:
    prefix = prefix_of(judge)
    return judge.model.removeprefix(f"{prefix}/")


def _fault(response: aiohttp.ClientResponse, text: str, form: WireForm) -> ModelError:
    """Name the error; a server that does not know the form is asked in the other one.

    SGLang answers 400 and names the other route where a checkpoint was trained for that one only.
    """
    elsewhere = "systemone" in text.lower() and response.status == 400
    if form == "decisions" and (response.status in NO_SUCH_ROUTE or elsewhere):
        return RungRejected(f"the provider does not take {form} (HTTP {response.status})")
    return fault_of(response.status, text, rung=form, retry_after=wait_wanted(response.headers))


def questions_of(question: Question) -> Questions:
    """Give the typed questions of a call, after a look at what the wire allows.

    Raises
    ------
    RequestRejected
        If the call asks for text.
    """
    if question.asked is None:
        raise RequestRejected("a decision model answers typed questions only")
    check_limits(question.asked)
    return question.asked


class LitellmDecisions:
    """One decision model, reached through litellm.

    Parameters
    ----------
    judge : ModelSettings
    environ : mapping of str to str, or None
        Where keys are read; None for the process's environment.

    Raises
    ------
    ConfigError
        If the installed litellm knows no decision models, does not know this provider, or the
        key's variable is not set.
    """

    transport: Literal["litellm"] = "litellm"
    rungs: tuple[Rung, ...] = ("decisions",)

    def __init__(self, judge: ModelSettings, *, environ: Mapping[str, str] | None = None) -> None:
        self._litellm = load_litellm()
        if not hasattr(self._litellm, "adecisions"):
            raise ConfigError(
                "the installed litellm knows no decision models; upgrade it to 1.106.2 or later, "
                "or give the server's address with --base-url."
            )
        environ = os.environ if environ is None else environ
        self._provider_name = self._find_provider(judge)
        at_home = judge.base_url is None
        self.provider = self._provider_name if at_home else netloc_of(cast("str", judge.base_url))
        self._fixed = _fixed_options(judge, environ)
        self.priced = at_home and decision_price(judge.model) is not None
        self._cost_counts = at_home
        self._wire: Wire | None = None

    def _find_provider(self, judge: ModelSettings) -> str:
        try:
            return str(self._litellm.get_llm_provider(judge.model)[1])
        except Exception:  # noqa: BLE001 - litellm raises its own and everyone else's
            raise ConfigError(
                f"litellm does not know the provider of {judge.model!r}; write provider/model."
            ) from None

    async def ask(self, question: Question) -> Reply:
        """Make one HTTP call.

        Raises
        ------
        ModelError
            If no reply arrived within the deadline, or the provider refused.
        """
        asked = questions_of(question)
        self._join_wire()
        timer = asyncio.timeout(question.deadline)
        with one_call() as call:
            try:
                async with timer:
                    came = await self._litellm.adecisions(
                        **self._fixed,
                        input=[
                            {"role": "user", "type": "message", "content": message.content}
                            for message in question.messages
                        ],
                        questions=wire_questions(asked),
                        timeout=question.deadline,
                    )
            except Exception as error:  # noqa: BLE001 - litellm raises its own and everyone else's
                if timer.expired():
                    raise DeadlineExceeded(f"no whole reply in {question.deadline:g} s") from None
                if call.status == 200 and _is_malformed(error):
                    raise ReplyMalformed("the reply was no set of answers") from None
                raise fault_from(error, call, question.rung) from None
        body = json.dumps(came.model_dump(mode="json")).encode()
        cost = came._hidden_params.get("response_cost") if self._cost_counts else None  # noqa: SLF001 - its only place
        return read_response(body, asked).model_copy(update={"cost_usd": cost})

    def _join_wire(self) -> None:
        """Have litellm's client for the provider made on our session, which allows one request."""
        if self._wire is not None:
            return
        self._wire = join_wire(self)
        handler: Any = importlib.import_module("litellm.llms.custom_httpx.http_handler")
        handler.get_async_httpx_client(
            llm_provider=self._litellm.LlmProviders(self._provider_name),
            shared_session=self._wire.session,
        )

    async def close(self) -> None:
        """Give up the connections; the last model of an event loop closes them."""
        wire, self._wire = self._wire, None
        if wire is not None and wire.leave(self):
            self._litellm.in_memory_llm_clients_cache.flush_cache()
            await wire.session.close()


def _is_malformed(error: BaseException) -> bool:
    """Whether litellm found a whole reply of another shape, which it calls a server error."""
    link: BaseException | None = error
    while link is not None:
        if type(link).__name__ == "ValidationError":
            return True
        link = link.__cause__ or link.__context__
    return False


def _fixed_options(judge: ModelSettings, environ: Mapping[str, str]) -> dict[str, object]:
    key = key_of(judge, environ)
    options: dict[str, object] = {"model": judge.model, "num_retries": 0, "max_retries": 0}
    if judge.base_url is not None:
        options["api_base"] = judge.base_url
        key = key or (NO_KEY if prefix_of(judge) in DIRECT_PREFIXES else None)
    if key is not None:
        options["api_key"] = key
    return options
