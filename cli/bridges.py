"""What leads a trace from chain to chain: rules, lists of contracts, and the other chains of the workspace."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import compose

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cli.app import App
    from tracer.flow.bridges.rules import Bridges
    from tracer.intel.snapshot import Snapshot
    from tracer.ledger.store import Ledger

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def list_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--emitters` and `--pools-list`: an analyst's own lists beside those that come with the program."""
    emitters = click.option(
        "--emitters",
        multiple=True,
        type=_FILE,
        metavar="FILE",
        help="More contracts of bridges, as rules/bridges/emitters.yml lists them.",
    )
    pools = click.option(
        "--mixer-pools",
        multiple=True,
        type=_FILE,
        metavar="FILE",
        help="More mixer pools, as rules/pools/tornado.yml lists them.",
    )
    return emitters(pools(command))


def leading_on(
    app: App,
    opened: ExitStack,
    home: Ledger,
    snapshot: Snapshot,
    *,
    as_of: bool,
    emitters: Sequence[Path] = (),
    pools: Sequence[Path] = (),
) -> Bridges:
    """The bridges of a trace that begins on `home`; other chains are opened, and linked, when money gets there.

    `as_of`: they are seen as they were when the tip of `home` was made.
    """
    from rules.bridges import BRIDGES
    from rules.bridges.emitters import with_lists
    from rules.pools import with_lists as with_pools
    from tracer.flow.bridges.rules import Bridges

    tip = home.tip()
    until = tip.time if as_of and tip is not None else None

    def other(name: str) -> Ledger | None:
        if name not in compose.chains_read(app):
            return None
        at = _last_block(app, name, until)
        if at is None:
            return None
        return opened.enter_context(
            compose.linked(app, name, snapshot, at=None if until is None else str(at))
        )

    read = [*emitters, *pools]
    digests = [f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in read]
    return Bridges(
        BRIDGES, with_lists(emitters), with_pools(pools), other,
        tuple(f"contracts of {path.name} ({digest}) were read too" for path, digest in zip(read, digests, strict=True)),
    )  # fmt: skip


def _last_block(app: App, name: str, until: int | None) -> int | None:
    """Height of a chain's last block (made by then); None where there is none."""
    from tracer.ledger.asof import last_by

    with compose.open_ledger(app, name) as ledger:
        tip = ledger.tip()
        if until is None or tip is None:
            return None if tip is None else tip.height
        return last_by(ledger, until)
