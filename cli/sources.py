"""What `--source` names: one function per kind. Part of the composition root; a new kind is one line in `KINDS`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracer.errors import UsageError

_WORD = re.compile(r"[a-z]{1,12}")
NODES = ("core", "evm", "tron")
"""Kinds whose rest is the URL of a node, which hands over whole blocks."""
PER_ADDRESS = ("esplora",)
"""Kinds whose rest is a URL, and that are asked for single addresses: whoever runs one learns whom we look at."""

if TYPE_CHECKING:
    from adapters.bitcoin.core.source import CoreSource
    from adapters.bitcoin.folder.source import BlockFiles
    from adapters.chains import AnyChain
    from adapters.evm.source import EvmSource
    from adapters.tron.source import TronSource
    from cli.app import App

    Source = BlockFiles | CoreSource | EvmSource | TronSource

SOURCES = "blocks:PATH, core:URL, evm:URL or tron:URL of a node, or simulation:NAME?seed=1&txs=20000"
"""The kinds, as help and errors show them."""


def opened(app: App, entry: AnyChain, text: str, confirmations: int | None) -> Source:
    """Open what `--source` names for a chain; `UsageError` where the two do not fit."""
    check(text)
    refuse_per_address(text, "sync")
    kind, _, rest = text.partition(":")
    if confirmations is not None and kind not in NODES:
        raise UsageError(f"--confirmations is for nodes; {kind}: holds what it holds.")
    return KINDS[kind](app, entry, rest, confirmations or 0)


def check(text: str) -> None:
    """`UsageError` where a text is no source by its form; it repeats nothing that may be a key."""
    kind, _, rest = text.partition(":")
    if kind not in (*KINDS, *PER_ADDRESS) or not rest:
        # a mistyped kind must not print the password of a URL, nor a key that stands alone
        named = f"unknown source {kind!r}." if _WORD.fullmatch(kind) else "the source names no kind."
        raise UsageError(named, hint=f"Give {SOURCES}.")
    if kind in (*NODES, *PER_ADDRESS) and not _address(rest):
        what = "node" if kind in NODES else "explorer"
        raise UsageError(
            f"{kind}: the {what}'s URL is not of the form http://HOST:PORT.",
            hint=f"Give {kind}:http://HOST:PORT.",
        )


def refuse_per_address(text: str, command: str) -> None:
    """`UsageError` where a source is asked for single addresses: `command` reads all, or goes on by itself.

    For watching too: a watched address must not be named to a host again and again.
    """
    kind = text.partition(":")[0]
    if kind in PER_ADDRESS:
        raise UsageError(
            f"`tracer {command}` does not take {kind}: whoever runs it would learn every address that is asked for.",
            hint=f"Give `tracer trace SEED --source {kind}:URL`, or name a node or its files here.",
        )


def shown(text: str) -> str:
    """A source as it may be kept and printed: a path, of a node scheme, host and port; else its kind alone."""
    kind, _, rest = text.partition(":")
    if kind in (*NODES, *PER_ADDRESS):
        address = _address(rest)
        return f"{kind}:{address}" if address else kind
    return text if kind in KINDS else "unknown"


def _address(url: str) -> str:
    """Scheme, host and port of a URL; "" where they cannot be told from what may be a password."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return ""
    # a slash in a password ends the host too early
    if parts.scheme not in ("http", "https") or not host or "@" in parts.path + parts.query + parts.fragment:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def kept_events() -> frozenset[bytes]:
    """Topics of the events that flows need: a source keeps these and no others."""
    from rules.bridges import topics
    from tracer.flow.accounts import mixers, swaps

    return topics() | {bytes.fromhex(topic) for topic in (*swaps.TOPICS, *mixers.TOPICS)}


def _blocks(_app: App, entry: AnyChain, rest: str, _confirmations: int) -> BlockFiles:
    from adapters.bitcoin.chains import BitcoinChain
    from adapters.bitcoin.folder.source import BlockFiles

    if not isinstance(entry, BitcoinChain):
        raise UsageError(f"blocks: holds blocks of the Bitcoin family, not of {entry.name}.")
    try:
        path = Path(rest).expanduser()
    except RuntimeError as error:
        raise UsageError(f"no such home folder in {rest!r}.") from error
    return BlockFiles(path, entry)


def _core(_app: App, entry: AnyChain, rest: str, confirmations: int) -> CoreSource:
    from adapters.bitcoin.chains import BitcoinChain
    from adapters.bitcoin.core.access import access
    from adapters.bitcoin.core.source import CoreSource

    if not isinstance(entry, BitcoinChain):
        raise UsageError(f"core: reads chains of the Bitcoin family, not {entry.name}.")
    if confirmations < 0:
        raise UsageError("a chain of proof of work has no final blocks.", hint="Give --confirmations N.")
    return CoreSource(access(rest, entry.name, os.environ), entry, confirmations=confirmations)


def _evm(_app: App, entry: AnyChain, rest: str, confirmations: int) -> EvmSource:
    from adapters.evm.chains import EvmChain
    from adapters.evm.source import EvmSource

    if not isinstance(entry, EvmChain):
        raise UsageError(f"evm: reads EVM chains, not {entry.name}.")
    authorization = os.environ.get("TRACER_AUTHORIZATION")
    return EvmSource(rest, entry, kept_events(), confirmations=confirmations, authorization=authorization)


def _tron(_app: App, entry: AnyChain, rest: str, confirmations: int) -> TronSource:
    from adapters.tron.chains import TronChain
    from adapters.tron.source import TronSource

    if not isinstance(entry, TronChain):
        raise UsageError(f"tron: reads Tron, not {entry.name}.")
    return TronSource(rest, entry, kept_events(), confirmations=confirmations)


def _simulation(app: App, entry: AnyChain, rest: str, _confirmations: int) -> Source:
    """A simulated world's chain; its claims are written into the workspace."""
    from adapters.bitcoin.chains import BitcoinChain
    from adapters.bitcoin.folder.source import BlockFiles
    from adapters.simulation import parse_source

    arguments = parse_source(rest)
    chains = WORLDS[arguments["name"]]
    if entry.name not in chains:
        raise UsageError(
            f"the world {arguments['name']!r} has no chain {entry.name}.",
            hint=f"Run `tracer sync {chains[0]} --source simulation:{rest}`.",
        )
    if isinstance(entry, BitcoinChain):
        return BlockFiles(_market(app, arguments), entry)
    return _accounts(app, entry, arguments)


WORLDS: Mapping[str, tuple[str, ...]] = {
    "market": ("bitcoin-regtest",),
    "accounts": ("evm-31337", "evm-31338"),
}
"""Simulated worlds and the chains they have."""


def _market(app: App, arguments: dict[str, Any]) -> Path:
    """The folder of the blocks of a UTXO world."""
    from adapters.simulation import build_world

    with app.progress("building the world") as advance:
        world = build_world(**arguments, progress=advance)
    folder = _folder(app, arguments)
    world.write_blocks(folder)
    world.write_claims(folder)
    _say_claims(app, folder)
    return folder


def _accounts(app: App, entry: AnyChain, arguments: dict[str, Any]) -> EvmSource:
    """A node that runs a world of accounts for as long as the command does."""
    from adapters.evm.chains import EvmChain
    from adapters.evm.source import EvmSource
    from adapters.simulation.accounts import build

    assert isinstance(entry, EvmChain)
    with app.progress("building the world") as advance:
        world = build(arguments["seed"], arguments["txs"], progress=advance)
    click.get_current_context().call_on_close(world.close)
    folder = _folder(app, arguments)
    world.write_claims(folder)
    world.write_lists(folder)
    _say_claims(app, folder)
    app.say(
        f"its bridges and mixers: `tracer trace --emitters {folder / 'emitters.yml'} "
        f"--mixer-pools {folder / 'pools.yml'}`"
    )
    return EvmSource(world.urls[entry.name], entry, kept_events())


def _folder(app: App, arguments: dict[str, Any]) -> Path:
    name = "{name}-seed{seed}-txs{txs}".format(**arguments) + ("-signed" if arguments.get("signed") else "")
    folder = app.workspace.ready().cache / "simulation" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _say_claims(app: App, folder: Path) -> None:
    app.say(
        f"the world's claims: `tracer tags import {folder / 'tags.csv'}`, "
        f"`tracer vasps import {folder / 'vasps.csv'}`"
    )


KINDS: Mapping[str, Callable[[App, AnyChain, str, int], Source]] = {
    "blocks": _blocks,
    "core": _core,
    "evm": _evm,
    "tron": _tron,
    "simulation": _simulation,
}
