"""Answers from any OpenAI-compatible endpoint (vLLM, SGLang, TGI, a vendor's API).

Does: bounded concurrency; structured output; retries what may pass (429, 5xx, time-out, lost
connection, a body that is cut off) and nothing else. Does not: return partial results, or believe
that a server kept to a schema.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from configs.errors import EngineError
from evals.engines.address import shown_address
from evals.engines.completion import Completion, Decoding, Progress, Request, StopAnswering
from evals.engines.endpoint_version import fingerprint, told_version
from evals.engines.identity import UNKNOWN, EngineIdentity

LONGEST_WAIT_S = 30.0
ACTIONS = {
    400: "Check max_new_tokens and the model's context length.",
    401: "Set the API key in the environment variable that baseline.api_key_env names.",
    403: "Ask for access to this model with this key.",
    404: "Check baseline.base_url (it ends in /v1) and baseline.model.",
    429: "Lower baseline.max_concurrency, or raise the quota.",
}
SCHEMA_REFUSED = (
    "If it is response_format that the server refuses, leave structured output off or use a server "
    "that has it; otherwise check max_new_tokens and the model's context length."
)


class EndpointEngine:
    """A chat-completions endpoint, asked greedily (temperature 0)."""

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: str | None,
        max_concurrency: int,
        timeout_s: float,
        max_attempts: int,
        first_wait_s: float = 0.5,
        revision: str | None = None,
    ) -> None:
        """Args:
        revision: which version of the model is served, if that is known; part of the identity.
        """
        self.base_url, self.name, self.api_key = base_url, model, api_key
        self.address = shown_address(base_url)
        self.max_concurrency, self.timeout_s = max_concurrency, timeout_s
        self.max_attempts, self.first_wait_s = max_attempts, first_wait_s
        self.revision = revision
        self._version: str | None = None

    def answer(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        on_progress: Progress | None = None,
        on_completion: Callable[[Request, Completion], None] | None = None,
    ) -> list[Completion]:
        """See `Engine.answer`; the first request that fails for good cancels the others.

        With `on_completion`, which is given every answer as soon as it is there, it only keeps
        those from being sent that wait: what is in flight is paid for, so it is awaited and kept.

        With a JSON Schema every whole answer must be JSON that the schema accepts: servers exist
        that take `response_format` and ignore it.
        """
        return asyncio.run(self._answer_all(requests, decoding, on_progress, on_completion))

    async def _answer_all(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        on_progress: Progress | None,
        on_completion: Callable[[Request, Completion], None] | None,
    ) -> list[Completion]:
        slots = asyncio.Semaphore(self.max_concurrency)
        answered: dict[int, Completion] = {}
        failed: list[EngineError] = []
        async with self._client() as client:

            async def one(place: int, request: Request) -> None:
                async with slots:
                    if failed:
                        return
                    try:
                        completion = await self._ask(client, request, decoding)
                    except EngineError as error:
                        if on_completion is None:
                            raise
                        failed.append(error)
                        return
                answered[place] = completion
                if on_completion is not None:
                    on_completion(request, completion)
                if on_progress is not None:
                    on_progress(len(answered), len(requests))

            try:
                async with asyncio.TaskGroup() as group:
                    for place, request in enumerate(requests):
                        group.create_task(one(place, request))
            except* (EngineError, StopAnswering) as failures:
                raise _first(failures) from None
        if failed:
            raise failed[0]
        return [answered[place] for place in range(len(requests))]

    async def _ask(self, client: Any, request: Request, decoding: Decoding) -> Completion:
        import openai
        from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

        retrying = AsyncRetrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(self.max_attempts),
            wait=self._wait,
            reraise=True,
        )
        started = time.monotonic()
        try:
            async for attempt in retrying:
                with attempt:
                    response = await client.chat.completions.create(
                        model=self.name,
                        messages=request.messages,
                        max_tokens=decoding.max_new_tokens,
                        temperature=0,
                        seed=0,
                        extra_headers=self._no_key(),
                        **_extras(decoding),
                    )
                    completion = _completion(response, time.monotonic() - started)
            self._require_schema_kept(completion, request, decoding)
            return completion
        except openai.APIStatusError as error:
            raise self._refused(error, decoding) from error
        except openai.APITimeoutError as error:
            raise self._failed(
                f"no answer within {self.timeout_s:g} s",
                "Raise baseline.timeout_s, or check its load.",
            ) from error
        except openai.APIConnectionError as error:
            raise self._failed(
                f"no connection: {error.__cause__ or error}",
                "Start the server, or correct baseline.base_url.",
            ) from error
        except (ValueError, openai.APIResponseValidationError) as error:
            raise self._failed(
                f"an answer that is not a chat completion: {error}",
                "Check that this is an OpenAI-compatible endpoint and what stands before it.",
            ) from error

    def identity(self, decoding: Decoding) -> EngineIdentity:
        """See `Engine.identity`; the server is asked for its version once, at the first call.

        vLLM tells it at /version; of others the `system_fingerprint` of a one-token answer is
        taken; a server that has neither or does not answer is `unknown`.
        """
        if self._version is None:
            self._version = asyncio.run(self._ask_version())
        revision = self.revision or UNKNOWN
        return EngineIdentity(
            kind="endpoint",
            model=f"{self.name} at {self.address}, revision {revision}",
            tokenizer=UNKNOWN,
            engine=self._version,
            precision=UNKNOWN,
            decoding=decoding,
        )

    async def _ask_version(self) -> str:
        told = await told_version(self.base_url, self.api_key, self.timeout_s)
        if told is None:
            async with self._client() as client:
                told = await fingerprint(client, self.name, self._no_key())
        return told or UNKNOWN

    def _client(self) -> Any:
        from openai import AsyncOpenAI

        return AsyncOpenAI(
            base_url=self.base_url,
            api_key=self.api_key or "none",
            timeout=self.timeout_s,
            max_retries=0,
        )

    def _no_key(self) -> dict[str, Any]:
        """The client would otherwise fall back to OPENAI_API_KEY, another vendor's key."""
        import openai

        return {} if self.api_key else {"Authorization": openai.Omit()}

    def _require_schema_kept(
        self, completion: Completion, request: Request, decoding: Decoding
    ) -> None:
        if decoding.json_schema is None or completion.finish_reason == "length":
            return
        from jsonschema import Draft202012Validator

        try:
            problem = next(
                Draft202012Validator(decoding.json_schema).iter_errors(json.loads(completion.text)),
                None,
            )
        except ValueError as error:
            problem = error
        if problem is not None:
            raise EngineError(
                f"{self.address} (model {self.name}): row {request.id}",
                "expected JSON that the task's schema accepts, because response_format asked for "
                f"it, got {completion.text[:100]!r}",
                "Use a server with structured output (vLLM, SGLang, TGI), or leave it off.",
            )

    def _wait(self, state: Any) -> float:
        from tenacity import wait_random_exponential

        error = state.outcome.exception()
        response = getattr(error, "response", None)
        asked = response.headers.get("retry-after", "") if response is not None else ""
        if asked.replace(".", "", 1).isdigit():
            return min(float(asked), LONGEST_WAIT_S)
        return float(wait_random_exponential(self.first_wait_s, LONGEST_WAIT_S)(state))

    def _refused(self, error: Any, decoding: Decoding) -> EngineError:
        status = error.status_code
        if status == 400 and decoding.json_schema is not None:
            return self._failed(f"HTTP 400: {str(error.message)[:300]}", SCHEMA_REFUSED)
        action = ACTIONS.get(status, "Look into the server's log; run again when it is healthy.")
        return self._failed(f"HTTP {status}: {str(error.message)[:300]}", action)

    def _failed(self, got: str, action: str) -> EngineError:
        where = f"{self.address} (model {self.name})"
        return EngineError(
            where, f"expected an answer in {self.max_attempts} attempts at most, got {got}", action
        )


def _may_pass(error: BaseException) -> bool:
    import openai

    if isinstance(error, openai.APIStatusError):
        return error.status_code in (408, 409, 429) or error.status_code >= 500
    transient = (openai.APIConnectionError, openai.APIResponseValidationError, ValueError)
    return isinstance(error, transient)


def _extras(decoding: Decoding) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if decoding.stop:
        extras["stop"] = list(decoding.stop)
    if decoding.json_schema is not None:
        schema = {"name": "answer", "schema": decoding.json_schema, "strict": True}
        extras["response_format"] = {"type": "json_schema", "json_schema": schema}
    return extras


def _first(failures: BaseExceptionGroup[EngineError | StopAnswering]) -> BaseException:
    failure: BaseException = failures
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure


def _completion(response: Any, latency_s: float) -> Completion:
    choices = getattr(response, "choices", None)
    if not choices or choices[0].message is None or choices[0].message.content is None:
        raise ValueError("no message content in the response")
    choice = choices[0]
    usage = response.usage
    reason: Literal["stop", "length"] = "length" if choice.finish_reason == "length" else "stop"
    return Completion(
        choice.message.content,
        reason,
        output_tokens=usage.completion_tokens if usage else 0,
        input_tokens=usage.prompt_tokens if usage else 0,
        latency_s=latency_s,
    )
