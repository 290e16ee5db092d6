"""The quick way to OpenAI-compatible endpoints: one aiohttp session, no provider library.

Same seam, errors and outcomes as the litellm way, at a fraction of its cost. A body is read up to
a cap, the deadline covers the call to its last byte, and nothing of a body reaches a message.
"""

import asyncio
import os
from collections.abc import Mapping
from typing import Literal

import aiohttp

from judge.errors import ConfigError, ConnectionFailed, DeadlineExceeded
from judge.models.address import DIRECT_PREFIXES, NO_KEY, key_of, netloc_of, prefix_of
from judge.models.base import Question, Reply
from judge.models.completions import RequestWriter, read_completion
from judge.models.faults import fault_of, wait_wanted
from judge.models.sessions import open_session, proxy_for
from judge.records import ModelSettings, Rung


class DirectModel:
    """One judge model behind an OpenAI-compatible endpoint.

    Parameters
    ----------
    judge : ModelSettings
        Needs a base URL and a model string with the prefix ``openai/`` or ``hosted_vllm/``.
    environ : mapping of str to str, or None
        Where keys are read; None for the process's environment.

    Raises
    ------
    ConfigError
        If the judge cannot be reached this way, or the key's variable is not set.
    """

    transport: Literal["direct"] = "direct"
    rungs: tuple[Rung, ...] = ("json_schema", "tools", "json_object", "prompt")

    def __init__(self, judge: ModelSettings, *, environ: Mapping[str, str] | None = None) -> None:
        if judge.base_url is None or prefix_of(judge) not in DIRECT_PREFIXES:
            raise ConfigError(
                f"the direct way needs openai/ or hosted_vllm/ and a base URL; got {judge.model!r}."
            )
        self.provider = netloc_of(judge.base_url)
        self._url = judge.base_url.rstrip("/") + "/chat/completions"
        self._requests = RequestWriter(judge.model.removeprefix(f"{prefix_of(judge)}/"))
        self._key = key_of(judge, os.environ if environ is None else environ) or NO_KEY
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        """Name the address, never the key."""
        return f"DirectModel({self._url!r})"

    async def ask(self, question: Question) -> Reply:
        """Make one HTTP call.

        Raises
        ------
        ModelError
            If no reply arrived within the deadline, or the provider refused.
        """
        try:
            async with asyncio.timeout(question.deadline):
                return await self._call(question)
        except TimeoutError:
            raise DeadlineExceeded(f"no whole reply in {question.deadline:g} s") from None
        except (aiohttp.ClientError, OSError):
            raise ConnectionFailed("the connection was refused, reset or cut") from None

    async def _call(self, question: Question) -> Reply:
        body = self._requests.write(question)
        async with self._open_session().post(
            self._url, data=body, allow_redirects=False
        ) as response:
            content = await response.read()
            if response.status < 300:
                return read_completion(content)
            raise fault_of(
                response.status,
                content.decode("utf-8", "replace"),
                rung=question.rung,
                retry_after=wait_wanted(response.headers),
            )

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            headers = {
                "Authorization": f"Bearer {self._key}",
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
            }
            self._session = open_session(headers=headers, proxy=proxy_for(self._url))
        return self._session

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None
