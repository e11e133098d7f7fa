"""`tracer serve`: screening over HTTP, syncing and watching in one process that owns the workspace."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import click

from cli import compose
from cli.app import App
from cli.numbers import interval_option, number
from tracer.errors import UsageError

_NEEDED = ("fastapi", "uvicorn", "prometheus_client")


@click.command("serve", short_help="Serve screening over HTTP; sync and watch in the same process.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Where to listen; another host needs tokens."
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8550, show_default=True, help="0: a free one."
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Who may ask: `name token` on each line, mode 0600. Else TRACER_API_TOKENS, as name:token.",
)
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="NAME|FILE",
    help="Policies to judge by; the first where a question names none. [default: default]",
)
@click.option(
    "--own",
    multiple=True,
    metavar="ENTITY",
    help="Our own wallets: never counterparty, never looked through.",
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="CHAIN[=SOURCE]",
    help=f"Follow a chain: {compose.SOURCES}. Without =SOURCE it is read from TRACER_SOURCE_<CHAIN>.",
)
@click.option("--watch", is_flag=True, help="Read new blocks for all watches, and send alerts.")
@interval_option("How often to look for new blocks.")
@click.option(
    "--rate",
    type=click.FloatRange(0),
    callback=number,
    default=100.0,
    show_default=True,
    help="Requests a second of each token; 0: any.",
)
@click.option(
    "--burst", type=click.IntRange(1), default=400, show_default=True, help="Requests of a token at once."
)
@click.option(
    "--max-body",
    type=click.IntRange(1_000, 1 << 30),
    default=1 << 20,
    show_default=True,
    metavar="BYTES",
    help="Longest question.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 3_600),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="Longest wait for an answer.",
)
@click.option(
    "--max-lag",
    type=click.FloatRange(1),
    metavar="SECONDS",
    help="Not ready (health 503) when the last block of a followed chain is older.",
)
@click.pass_obj
def command(
    app: App,
    host: str,
    port: int,
    token_file: Path | None,
    policies: tuple[str, ...],
    own: tuple[str, ...],
    sources: tuple[str, ...],
    watch: bool,
    interval: float,
    rate: float,
    burst: int,
    max_body: int,
    timeout: float,
    max_lag: float | None,
) -> None:
    """Serve POST /v1/screenings and more on this machine until Ctrl-C; docs/serve.md has it all.

    While it runs it owns the workspace's chains: other verbs work as ever, through its socket in the workspace.
    """
    _complete()
    from adapters.owner.listening import is_local
    from cli.policy_common import policy_named
    from cli.service import tokens
    from cli.service.running import Options, serve

    allowed = tokens.given(token_file, os.environ)
    if not allowed and not is_local(host):
        raise UsageError(
            f"{host} can be reached from other machines, and no token was given.",
            hint=f"Give --token-file FILE or {tokens.ENVIRONMENT}, or leave --host out.",
        )
    judged = [policy_named(name) for name in policies or ("default",)]
    if len({policy.id for policy in judged}) < len(judged):
        raise UsageError("two policies have the same id.", hint="Requests name a policy by its id.")
    compose.words(*own)
    serve(
        app,
        Options(
            host=host, port=port, tokens=allowed, policies={policy.id: policy for policy in judged}, own=own,
            sources=_sources(sources), watch=watch, interval=interval, rate=rate, burst=burst, body=max_body,
            seconds=timeout, max_lag=max_lag,
        ),
    )  # fmt: skip


def _complete() -> None:
    """Say what is missing where the extra was not installed."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"`tracer serve` needs {', '.join(missing)}.",
            hint="Install them with `pip install 'tracer[serve]'`.",
        )


def _sources(given: Sequence[str]) -> dict[str, str]:
    """Chain -> source, checked by form."""
    from cli import sources

    found: dict[str, str] = {}
    for text in given:
        name, _, source = text.partition("=")
        entry = compose.chain(name)
        source = source or os.environ.get(f"TRACER_SOURCE_{entry.name.upper().replace('-', '_')}", "")
        if not source:
            raise UsageError(
                f"no source for {entry.name}.", hint=f"Give --source {entry.name}={compose.SOURCES}."
            )
        if entry.name in found:
            raise UsageError(f"{entry.name} has two sources.")
        compose.check_source(source)
        sources.refuse_per_address(source, "serve")
        found[entry.name] = source
    return found
