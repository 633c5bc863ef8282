"""Which software answers at an OpenAI-compatible endpoint, as far as it tells.

Does: ask for a version, or for the fingerprint of an answer. Does not: take silence for a failure.
"""

from __future__ import annotations

from typing import Any


async def told_version(base_url: str, api_key: str | None, timeout_s: float) -> str | None:
    """What vLLM tells at /version, as `server 1.2.3`; None of a server that has no such page."""
    import httpx

    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    address = base_url.rstrip("/").removesuffix("/v1") + "/version"
    try:
        async with httpx.AsyncClient(timeout=timeout_s) as web:
            told = (await web.get(address, headers=headers)).raise_for_status().json()
        return f"server {told['version']}"
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None


async def fingerprint(client: Any, model: str, headers: dict[str, Any]) -> str | None:
    """The `system_fingerprint` of a one-token answer; None of a server that sends none.

    Args:
        client: an `openai.AsyncOpenAI`.
        headers: further headers of the request.
    """
    import openai

    try:
        response = await client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "Hi"}], max_tokens=1,
            temperature=0, extra_headers=headers,
        )  # fmt: skip
    except (openai.OpenAIError, ValueError):
        return None
    found: str | None = getattr(response, "system_fingerprint", None)
    return found
