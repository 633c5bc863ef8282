"""`pawl baseline`: record a baseline's answers once, and see what is recorded.

Does: parse arguments, draw progress, print tables. Does not: ask or keep anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from configs.baseline import EndpointBaseline
    from evals.baseline_bank.bank import Entry
    from evals.baseline_bank.costs import Estimate
    from evals.baseline_bank.recorder import RecordingProgress
    from flows.baseline_recording import LocalModel

app = typer.Typer(
    help="Record a baseline's answers once, and see what is recorded.", no_args_is_help=True
)
INTERRUPTED = 130
"""Exit code of a program that Ctrl-C ended."""


@app.command()
def record(
    task: Annotated[str, typer.Argument(help="Task YAML: a path, or the name of one shipped.")],
    data: Annotated[Path, typer.Argument(help="Rows to ask, JSONL or Parquet.")],
    base_url: Annotated[
        str | None, typer.Option(help="OpenAI-compatible endpoint, up to /v1.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model name to ask the endpoint for.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="Instead of an endpoint: file://, hf://, models:/, pawl://.")
    ] = None,
    revision: Annotated[
        str | None, typer.Option(help="Which version stands behind the model name.")
    ] = None,
    api_key_env: Annotated[
        str, typer.Option(help="Environment variable that holds the key; unset: none is sent.")
    ] = "OPENAI_API_KEY",
    price_input_per_million: Annotated[
        float | None, typer.Option(help="Price of a million prompt tokens.")
    ] = None,
    price_output_per_million: Annotated[
        float | None, typer.Option(help="Price of a million tokens written.")
    ] = None,
    currency: Annotated[str, typer.Option(help="Unit of the prices.")] = "USD",
    max_cost: Annotated[
        float | None, typer.Option(min=0, help="Most the whole record may cost; stops before.")
    ] = None,
    max_concurrency: Annotated[int, typer.Option(help="Requests in flight at once.")] = 16,
    timeout_s: Annotated[float, typer.Option(help="Longest wait for one answer, s.")] = 60,
    max_attempts: Annotated[int, typer.Option(help="Tries per request.")] = 4,
    batch_size: Annotated[int, typer.Option(min=1, help="Of --weights: rows at once.")] = 32,
    dtype: Annotated[str, typer.Option(help="Of --weights: float32 or bfloat16.")] = "float32",
    expires_days: Annotated[
        float | None, typer.Option(min=0, help="Days until a record made now expires.")
    ] = None,
    renew: Annotated[
        bool, typer.Option("--renew", help="Set a record that has expired aside, record anew.")
    ] = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only say what is still to ask and its cost.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Also write the answers as a recording (JSONL).")
    ] = None,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Leave bad rows out.")
    ] = False,
) -> None:
    """Ask a model every row, once; interrupted, the same command goes on where it stopped."""
    from rich.markup import escape

    from flows.baseline_recording import RecordingJob, prepare_recording
    from flows.console import say

    endpoint = {
        "kind": "endpoint", "base_url": base_url, "model": model, "revision": revision,
        "api_key_env": api_key_env, "max_concurrency": max_concurrency, "timeout_s": timeout_s,
        "max_attempts": max_attempts,
        "price": _price(price_input_per_million, price_output_per_million, currency),
    }  # fmt: skip
    asked = _model(weights, endpoint, batch_size, dtype)
    job = RecordingJob(task, data, asked, max_cost, expires_days, renew, skip_bad_rows)
    if estimate:
        say(_estimate_text(prepare_recording(job).estimate(), currency))
        return
    prepared = None
    try:
        with _progress_bar(currency) as show:
            prepared = prepare_recording(job, show)
            entry = prepared.record()
    except KeyboardInterrupt as stop:
        kept = len(prepared.engine.recorded(prepared.requests)) if prepared else 0
        total = f" of {len(prepared.requests)}" if prepared else ""
        say(f"Interrupted: {kept}{total} answers are kept. Run the same command to go on.")
        raise typer.Exit(INTERRUPTED) from stop
    totals = entry.record.totals
    say(
        f"Recorded {totals.rows} rows ({totals.asked} asked) of {entry.record.engine_name}, "
        f"{_cost(entry)}, in {entry.directory}"
    )
    for sentence in prepared.reading():
        say(escape(sentence))
    if out is not None:
        prepared.export(out)
        say(f"Recording written to {out}")


@app.command("list")
def list_records() -> None:
    """Show every record: task, model, rows, age, expiry, cost, key."""
    from rich.table import Table

    from flows.baseline_recording import baseline_bank
    from flows.console import console, say

    bank = baseline_bank()
    entries = bank.entries()
    if not entries:
        say(f"No baselines in {bank.directory}. `pawl baseline record` makes one.")
        return
    table = Table("task", "model", "rows", "age, days", "expires", "cost", "key", title="Baselines")
    for entry in entries:
        expires = entry.record.expires_at
        age = (bank.clock() - entry.since).total_seconds() / 86400
        table.add_row(
            entry.record.identity.task,
            entry.record.engine_name,
            str(len(entry.answers)),
            f"{age:.1f}",
            f"{expires:%Y-%m-%d}" if expires else "never",
            _cost(entry),
            entry.key[:12],
        )
    console.print(table)


@app.command()
def show(key: Annotated[str, typer.Argument(help="Key, or the beginning of one.")]) -> None:
    """Print what is known of one record, as JSON."""
    from evals.baseline_bank.record import totals_of
    from flows.baseline_recording import baseline_bank

    entry = baseline_bank().find(key)
    current = entry.record.model_copy(update={"totals": totals_of(entry.answers)})
    typer.echo(current.model_dump_json(indent=2))


def _price(sent: float | None, written: float | None, currency: str) -> dict[str, Any] | None:
    from configs.errors import ConfigError

    if sent is None and written is None:
        return None
    if sent is None or written is None:
        raise ConfigError(
            "pawl baseline record", "expected both prices or none, got one",
            "Give --price-input-per-million and --price-output-per-million.",
        )  # fmt: skip
    return {"input_per_million": sent, "output_per_million": written, "currency": currency}


def _model(
    weights: str | None, endpoint: dict[str, Any], batch_size: int, dtype: str
) -> EndpointBaseline | LocalModel:
    from configs.baseline import EndpointBaseline
    from configs.errors import ConfigError
    from configs.validation import validate
    from flows.baseline_recording import LocalModel

    of_endpoint = [endpoint["base_url"], endpoint["model"]]
    if (weights is None) == (of_endpoint == [None, None]) or (
        weights is None and None in of_endpoint
    ):
        raise ConfigError(
            "pawl baseline record", "expected an endpoint (--base-url and --model) or --weights",
            "Name one of them.",
        )  # fmt: skip
    if weights is None:
        return validate(EndpointBaseline, endpoint, "pawl baseline record")
    if dtype not in ("float32", "bfloat16"):
        raise ConfigError("--dtype", f"expected float32 or bfloat16, got {dtype!r}", "Name one.")
    return LocalModel(weights, batch_size, dtype)


@contextmanager
def _progress_bar(currency: str) -> Iterator[Callable[[RecordingProgress], None]]:
    """A callback that draws rows, cost so far, tokens per second and the time left."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from flows.console import console

    columns = (
        TextColumn("Recording"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[cost]}"),
        TextColumn("{task.fields[speed]:.0f} tokens/s"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console) as bar:
        line = bar.add_task("", total=None, cost="", speed=0.0)

        def show(now: RecordingProgress) -> None:
            speed = now.output_tokens / now.seconds if now.seconds > 0 else 0.0
            cost = "" if now.cost is None else f"{now.cost:.4f} {currency}"
            bar.update(line, completed=now.done, total=now.total, cost=cost, speed=speed)

        yield show


def _estimate_text(found: Estimate, currency: str) -> str:
    output = "at most" if found.output_is_upper_bound else "about"
    cost = "unknown without prices" if found.cost is None else f"{found.cost:.4f} {currency}"
    return (
        f"To ask: {found.prompts} prompts for {found.rows} rows. Estimated, nothing was asked: "
        f"about {found.input_tokens} prompt tokens (1.3 per word), {output} {found.output_tokens} "
        f"tokens written. Cost: {cost}."
    )


def _cost(entry: Entry) -> str:
    from evals.baseline_bank.record import totals_of

    totals, price = totals_of(entry.answers), entry.record.price
    if totals.cost is None or price is None:
        return "no price"
    unpriced = f" + {totals.unpriced} answers without a price" if totals.unpriced else ""
    return f"{totals.cost:.4f} {price.currency}{unpriced}"
