"""`tracer sync`: pull blocks of a chain into the ledger, once or for as long as it runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import App, json_option
from cli.numbers import interval_option
from cli.openings import after_pull
from tracer.errors import SourceUnavailable, StoreBusy, TracerError, UsageError

if TYPE_CHECKING:
    from adapters.chains import AnyChain
    from tracer.ledger.batch import BlockSource
    from tracer.ledger.pull import Pulled
    from tracer.state import State


@click.command("sync")
@click.argument("chain")
@click.option("--source", "source_text", metavar="SOURCE", help=f"Where the blocks are: {compose.SOURCES}.")
@click.option("--from", "first", type=click.IntRange(0), metavar="HEIGHT", help="First height to read.")
@click.option("--to", "last", type=click.IntRange(0), metavar="HEIGHT", help="Last height to read.")
@click.option("--follow", is_flag=True, help="Go on with every new block until Ctrl-C.")
@interval_option("With --follow: how often to look for new blocks.")
@click.option(
    "--confirmations",
    metavar="N|final",
    help="Of a node: leave its newest N blocks out, or all that it does not call final.",
)
@click.option(
    "--no-openings", is_flag=True, help="Do not ask a node what accounts held before the first block read."
)
@click.option(
    "--mempool",
    is_flag=True,
    help="Of a core: node: keep its unconfirmed transactions too, apart from facts.",
)
@json_option
@click.pass_obj
def command(
    app: App,
    chain: str,
    source_text: str | None,
    first: int | None,
    last: int | None,
    follow: bool,
    interval: float,
    confirmations: str | None,
    no_openings: bool,
    mempool: bool,
    as_json: bool,
) -> None:
    """Pull blocks of CHAIN into the ledger.

    Reads what is new, verifies it, resumes after a kill, and rolls a lost branch back. SOURCE may also stand
    in TRACER_SOURCE_<CHAIN>, e.g. TRACER_SOURCE_BITCOIN: then no password of a URL is on the command line. A node
    behind a token gets TRACER_AUTHORIZATION as its Authorization header; a core: node is also asked with
    TRACER_CORE_USER and TRACER_CORE_PASSWORD, or its cookie file (core:http://HOST:PORT?cookie=PATH).
    """
    import os

    entry = compose.chain(chain)
    text = source_text or os.environ.get(f"TRACER_SOURCE_{entry.name.upper().replace('-', '_')}")
    if not text:
        raise UsageError(f"no source for {entry.name}.", hint=f"Give --source {compose.SOURCES}.")
    if first is not None and last is not None and first > last:
        raise UsageError(f"--from {first} is above --to {last}.")
    compose.check_source(text)
    if mempool and not text.startswith("core:"):
        raise UsageError("only core: nodes have a mempool to keep.", hint="Leave out --mempool.")
    from tracer.state import State

    app.workspace.ready()
    work = Sync(app, entry, text, first, last, _confirmations(confirmations), not no_openings, mempool)
    recipe = {"chain": entry.name, "source": compose.shown_source(text), "from": first, "to": last}
    with State.open(app.workspace) as state:
        run = state.run_start("sync", {**recipe, "follow": True} if follow else recipe)
        try:
            if follow:
                _follow(app, work, state, interval)
            else:
                work.once(state)
        except BaseException as error:
            with suppress(TracerError):  # a full disk is told by the first error, not by this note
                state.run_finish(run, type(error).__name__)
            raise
        state.run_finish(run, "done")
    if work.pulled is None:
        app.say("stopped; what was committed is kept")
        return
    app.emit(work.document(), as_json, _render)


def _confirmations(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "final":
        from adapters.evm.source import FINAL

        return FINAL
    if text.isascii() and text.isdigit():
        return int(text)
    raise UsageError(f"--confirmations {text!r} is neither a number nor `final`.")


@dataclass
class Sync:
    """One source and what was pulled from it so far."""

    app: App
    entry: AnyChain
    text: str
    first: int | None
    last: int | None
    confirmations: int | None
    openings: bool
    mempool: bool
    pulled: Pulled | None = None
    waiting: int | None = None
    said: list[str] = field(default_factory=list)
    _source: BlockSource[Any] | None = None

    def once(self, state: State) -> Pulled:
        """Pull what is new now; a reorg is in the journal as long as it is under way."""
        from tracer.ledger.pull import pull

        app, name = self.app, self.entry.name
        if self._source is None:  # opened once: each plan asks, or looks, for what is new
            self._source = compose.source(app, name, self.text, confirmations=self.confirmations)

        def journal(kept: int, tip: int) -> None:
            state.journal_put(name, "reorg", json.dumps({"kept": kept, "old_tip": tip}))

        with app.workspace.turn(name), app.progress(f"reading {name}") as advance:
            interrupted = state.journal_get(name, "reorg")
            if self.pulled is None:  # an empty or an older file is made ready
                compose.open_ledger(app, name, read_only=False).db.close()
            pulled: Pulled = pull(
                lambda: compose.open_ledger(app, name, read_only=False),
                self._source,
                first=self.first,
                last=self.last,
                before_reorg=journal,
                progress=advance,
                look=lambda: compose.open_ledger(app, name),
            )
            state.journal_clear(name, "reorg")
        if pulled.reorged_from is None and interrupted is not None:
            # a run before this one was killed in the middle
            pulled = replace(pulled, reorged_from=json.loads(interrupted)["old_tip"])
        before = self.pulled
        self.pulled = pulled if before is None else _sum(before, pulled)
        self._say(pulled.notes)
        if self.mempool:
            self._look(state)
        if before is None or pulled.blocks or pulled.reorged_from is not None:
            self._say(after_pull(app, name, self._source, openings=self.openings).notes)
        return pulled

    def _look(self, state: State) -> None:
        from cli.mempool import after_pull

        assert self._source is not None
        waits = after_pull(self.app, self.entry.name, self._source, state)
        if self.waiting != waits.count:
            self.waiting = waits.count
            self.app.say(f"{self.entry.name}: {waits.count:,} unconfirmed transactions")
        if waits.unread:
            self._say(["the node tells unconfirmed transactions that cannot be read; they are left out"])

    def wait(self, seconds: float) -> None:
        """Until it is worth looking again: a node that offers it says so itself."""
        import time

        if self.text.startswith("core:"):
            from adapters.bitcoin.core.source import CoreSource

            if isinstance(self._source, CoreSource):
                self._source.wait(seconds)
                return
        time.sleep(seconds)

    def _say(self, notes: Iterable[str]) -> None:
        """Each note once."""
        for note in notes:
            if note not in self.said:
                self.app.warn(note)
                self.said.append(note)

    def document(self) -> dict[str, Any]:
        """`tracer.sync/1` of all that was pulled."""
        assert self.pulled is not None
        return {
            "schema": "tracer.sync/1",
            "chain": self.entry.name,
            "caip2": self.entry.caip2,
            "blocks": self.pulled.blocks,
            "txs": self.pulled.txs,
            "tip": self.pulled.tip,
            "reorged_from": self.pulled.reorged_from,
            "unconfirmed": self.waiting,
            "notes": self.said,
        }


def _sum(before: Pulled, now: Pulled) -> Pulled:
    reorged_from = before.reorged_from if now.reorged_from is None else now.reorged_from
    return replace(
        now, blocks=before.blocks + now.blocks, txs=before.txs + now.txs, reorged_from=reorged_from
    )


def _follow(app: App, work: Sync, state: State, interval: float) -> None:
    """Pull again and again until Ctrl-C (or SIGTERM). A node that is away for a while is waited for."""
    import signal

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    away = ""
    with suppress(KeyboardInterrupt):
        _say(app, work, work.once(state))  # what is wrong at first is wrong with the question
        while work.last is None or work.pulled is None or (work.pulled.tip or 0) < work.last:
            work.wait(interval)
            try:
                _say(app, work, work.once(state))
                away = ""
            except (SourceUnavailable, StoreBusy) as problem:
                if away != str(problem):
                    away = str(problem)
                    app.warn(f"{away} Trying again.")


def _say(app: App, work: Sync, pulled: Pulled) -> None:
    """One line for a turn that brought something."""
    if not pulled.blocks and pulled.reorged_from is None:
        return
    lost = "" if pulled.reorged_from is None else f", a branch up to height {pulled.reorged_from} lost"
    app.say(
        f"{work.entry.name}: height {pulled.tip} ({pulled.blocks:,} blocks, {pulled.txs:,} transactions{lost})"
    )


def _render(document: dict[str, Any]) -> None:
    if document["reorged_from"] is not None:
        click.echo(f"a branch up to height {document['reorged_from']} lost and was rolled back")
    if document["blocks"]:
        click.echo(
            f"{document['chain']}: {document['blocks']:,} blocks with {document['txs']:,} transactions read, "
            f"tip at height {document['tip']}"
        )
    else:
        click.echo(f"{document['chain']}: nothing new, tip at height {document['tip']}")
