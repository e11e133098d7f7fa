"""`tracer watch run`: sync, then read the new blocks for all watches; once (cron, timer) or as long as it runs."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import App, json_option
from cli.numbers import interval_option
from cli.trace_answer import many
from cli.watch_options import age
from tracer.errors import SourceError, TracerError, UsageError

if TYPE_CHECKING:
    from cli.watching import Watcher
    from tracer.state import State
    from tracer.watching.tools import Turn


@click.command("run")
@click.argument("chains", metavar="[CHAIN]...", nargs=-1)
@click.option("--source", "source_text", metavar="SOURCE", help=f"Of one chain: {compose.SOURCES}.")
@click.option("--once", "once", is_flag=True, help="One turn, then end (the default).")
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C.")
@interval_option("With --follow: how often to look for new blocks.")
@click.option(
    "--late",
    "late",
    default="1h",
    show_default=True,
    metavar="TIME",
    help="Blocks older than this are told in one digest.",
)
@click.option(
    "--max-lag", metavar="TIME", help="Raise source_stalled where no new block came for so long, e.g. 2h."
)
@click.option(
    "--restart", is_flag=True, help="Take back what stands on a chain that is gone, and go on at the tip."
)
@click.option(
    "--no-send", is_flag=True, help="Record only; something else sends (`tracer serve`, another run)."
)
@json_option
@click.pass_obj
def run(
    app: App,
    chains: tuple[str, ...],
    source_text: str | None,
    once: bool,
    follow: bool,
    interval: float,
    late: str,
    max_lag: str | None,
    restart: bool,
    no_send: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Read new blocks of CHAINs (all that are watched) for watches, and send what they raise.

    A chain's source is --source, or TRACER_SOURCE_<CHAIN>; without one, what something else reads into the ledger is
    watched. Explorers that are asked for single addresses are refused.
    """
    from cli.watching import Watcher, source_of
    from tracer.state import State
    from tracer.watching import store

    if once and follow:
        raise UsageError("--once and --follow at once.", hint="Give one of them.")
    if source_text and len(chains) != 1:
        raise UsageError("--source is of one chain.", hint="Name it: tracer watch run CHAIN --source ...")
    seconds = age(late, "--late"), None if max_lag is None else age(max_lag, "--max-lag")
    names = [compose.chain(name).name for name in chains]
    given = {name: source_of(name, source_text) for name in names}
    with State.open(app.workspace) as state:
        names = names or store.chains(state)
        if not names:
            app.say("nothing is watched yet: `tracer watch add` begins")
        watchers = [
            Watcher(app, name, given.get(name) or source_of(name, None), late=seconds[0], max_lag=seconds[1])
            for name in names
        ]
        if restart:
            for watcher in watchers:
                watcher.runner.restart(state, now=time.time())
        if follow:
            _follow(app, watchers, state, interval, send=not no_send)
            return
        run_id = state.run_start("watch", {"chains": names})
        turns = []
        try:
            turns = [watcher.once(state) for watcher in watchers]
        except BaseException as error:
            with suppress(TracerError):
                state.run_finish(run_id, type(error).__name__)
            raise
        state.run_finish(run_id, "done")
        sent = None if no_send else _send(app, state, turns)
    document = {"schema": "tracer.watch_run/1", "chains": [_said(turn) for turn in turns], "sent": sent}
    app.emit(document, as_json, _render)
    problems = [turn.problem for turn in turns if turn.problem is not None]
    if problems:
        raise problems[0]


def _send(app: App, state: State, turns: list[Turn]) -> bool:
    from cli.dispatching import ran, send

    if not any(turn.problem for turn in turns):
        ran(app, state)
    send(app)
    return True


def _follow(app: App, watchers: list[Watcher], state: State, interval: float, *, send: bool) -> None:
    """Turn after turn until Ctrl-C (or SIGTERM). A source that is away for a while is waited for, and said once."""
    import signal
    from contextlib import nullcontext

    from cli.dispatching import dispatching, ran
    from tracer.watching import cursor

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    away: dict[str, str] = {}
    with suppress(KeyboardInterrupt), dispatching(app) if send else nullcontext() as sending:
        while True:
            good = True
            for watcher in watchers:
                name = watcher.entry.name
                try:
                    turn = watcher.once(state)
                    problem = "" if turn.problem is None else str(turn.problem)
                    _tell(app, turn)
                except SourceError as error:
                    problem = str(error)
                    cursor.trouble(state, name, error.problem)
                good = good and not problem
                if problem and away.get(name) != problem:
                    app.warn(f"{problem} Trying again.")
                away[name] = problem
            if sending is not None:
                sending.check()
            if good and send:
                ran(app, state, beside=True)
            if len(watchers) == 1:
                watchers[0].wait(interval)
            else:
                time.sleep(interval)


def _tell(app: App, turn: Turn) -> None:
    """One line for a turn that brought something."""
    for note in turn.notes:
        app.say(note)
    counts = turn.counts
    if turn.blocks or counts.ids:
        app.say(
            f"{turn.chain}: height {turn.height} ({turn.blocks:,} blocks), {counts.raised:,} alerts raised, "
            f"{counts.revised:,} revised, {counts.retracted:,} taken back"
        )


def _said(turn: Turn) -> dict[str, Any]:
    return {
        "chain": turn.chain,
        "height": turn.height,
        "blocks": turn.blocks,
        "raised": turn.counts.raised,
        "revised": turn.counts.revised,
        "retracted": turn.counts.retracted,
        "purged": turn.purged,
        "notes": turn.notes,
        "problem": None if turn.problem is None else turn.problem.problem,
    }


def _render(document: dict[str, Any]) -> None:
    for row in document["chains"]:
        at = "nothing read yet" if row["height"] is None else f"watched up to {row['height']}"
        click.echo(
            f"{row['chain']}: {at} ({row['blocks']:,} new blocks), {row['raised']:,} alerts raised, "
            f"{row['revised']:,} revised, {row['retracted']:,} taken back"
        )
        for note in row["notes"]:
            click.echo(f"  {note}")
        if row["purged"]:
            click.echo(f"  {many(row['purged'], 'watch', 'es')} expired and went")
