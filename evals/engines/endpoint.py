"""Answers from any OpenAI-compatible endpoint (vLLM, SGLang, TGI, a vendor's API).

Does: bounded concurrency; retries what may pass (429, 5xx, time-out, lost connection, a body that
is cut off) and nothing else. Does not: return partial results.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

from configs.errors import EngineError
from evals.engines.completion import Completion, Decoding, Progress, Request

LONGEST_WAIT_S = 30.0
ACTIONS = {
    400: "Check max_new_tokens and the model's context length.",
    401: "Set the API key in the environment variable that baseline.api_key_env names.",
    403: "Ask for access to this model with this key.",
    404: "Check baseline.base_url (it ends in /v1) and baseline.model.",
    429: "Lower baseline.max_concurrency, or raise the quota.",
}


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
    ) -> None:
        self.base_url, self.name, self.api_key = base_url, model, api_key
        self.max_concurrency, self.timeout_s = max_concurrency, timeout_s
        self.max_attempts, self.first_wait_s = max_attempts, first_wait_s

    def answer(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        on_progress: Progress | None = None,
    ) -> list[Completion]:
        """See `Engine.answer`; the first request that fails for good cancels the others."""
        return asyncio.run(self._answer_all(requests, decoding, on_progress))

    async def _answer_all(
        self, requests: Sequence[Request], decoding: Decoding, on_progress: Progress | None
    ) -> list[Completion]:
        from openai import AsyncOpenAI

        slots = asyncio.Semaphore(self.max_concurrency)
        done = 0
        async with AsyncOpenAI(
            base_url=self.base_url,
            api_key=self.api_key or "none",
            timeout=self.timeout_s,
            max_retries=0,
        ) as client:

            async def one(request: Request) -> Completion:
                nonlocal done
                async with slots:
                    completion = await self._ask(client, request, decoding)
                done += 1
                if on_progress is not None:
                    on_progress(done, len(requests))
                return completion

            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(one(request)) for request in requests]
            except* EngineError as failures:
                raise _first(failures) from None
            return [task.result() for task in tasks]

    async def _ask(self, client: Any, request: Request, decoding: Decoding) -> Completion:
        import openai
        from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

        # The client would otherwise fall back to OPENAI_API_KEY and hand it to another vendor.
        no_key = {} if self.api_key else {"Authorization": openai.Omit()}
        retrying = AsyncRetrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(self.max_attempts),
            wait=self._wait,
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    response = await client.chat.completions.create(
                        model=self.name,
                        messages=request.messages,
                        max_tokens=decoding.max_new_tokens,
                        temperature=0,
                        seed=0,
                        extra_headers=no_key,
                    )
                    return _completion(response)
        except openai.APIStatusError as error:
            raise self._refused(error) from error
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
        raise AssertionError("tenacity returns or raises")

    def _wait(self, state: Any) -> float:
        from tenacity import wait_random_exponential

        error = state.outcome.exception()
        response = getattr(error, "response", None)
        asked = response.headers.get("retry-after", "") if response is not None else ""
        if asked.replace(".", "", 1).isdigit():
            return min(float(asked), LONGEST_WAIT_S)
        return float(wait_random_exponential(self.first_wait_s, LONGEST_WAIT_S)(state))

    def _refused(self, error: Any) -> EngineError:
        status = error.status_code
        action = ACTIONS.get(status, "Look into the server's log; run again when it is healthy.")
        return self._failed(f"HTTP {status}: {str(error.message)[:300]}", action)

    def _failed(self, got: str, action: str) -> EngineError:
        where = f"{self.base_url} (model {self.name})"
        return EngineError(
            where, f"expected an answer in {self.max_attempts} attempts at most, got {got}", action
        )


def _may_pass(error: BaseException) -> bool:
    import openai

    if isinstance(error, openai.APIStatusError):
        return error.status_code in (408, 409, 429) or error.status_code >= 500
    transient = (openai.APIConnectionError, openai.APIResponseValidationError, ValueError)
    return isinstance(error, transient)


def _first(failures: BaseExceptionGroup[EngineError]) -> EngineError:
    failure: BaseException = failures
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    if not isinstance(failure, EngineError):
        raise failure
    return failure


def _completion(response: Any) -> Completion:
    choices = getattr(response, "choices", None)
    if not choices or choices[0].message is None or choices[0].message.content is None:
        raise ValueError("no message content in the response")
    choice = choices[0]
    usage = response.usage
    reason: Literal["stop", "length"] = "length" if choice.finish_reason == "length" else "stop"
    return Completion(choice.message.content, reason, usage.completion_tokens if usage else 0)
