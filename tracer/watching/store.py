"""Watches in the state database: put in, read, taken out. A watch that is gone leaves a line that says so."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracer.chain import AddressKey
from tracer.db import named_sql
from tracer.errors import UsageError
from tracer.state import State
from tracer.watching import outbox
from tracer.watching.model import Settings, Watch

_SQL = named_sql("tracer.watching", "store.sql")


@dataclass(frozen=True)
class Purge:
    """A watch that is gone. `alerts`: how many it had raised."""

    watch_id: str
    chain: str
    purged: str
    reason: str
    case_id: str
    owner: str
    basis: str
    alerts: int


def put(state: State, watches: Iterable[Watch]) -> int:
    """Keep watches, all or none; how many are new. One that is there already gets the new words and channels."""
    with state.transaction():
        before = count(state)
        state.run_each(_SQL["put"], (_row(watch) for watch in watches))
        state.run(_SQL["changed"])
        return count(state) - before


def count(state: State, chain: str | None = None) -> int:
    """How many watches there are."""
    return int(state.rows(_SQL["count"], {"chain": chain})[0][0])


def chains(state: State) -> list[str]:
    """Chains that have watches."""
    return [str(name) for (name,) in state.rows(_SQL["chains"])]


def generation(state: State) -> int:
    """A number that is another one after every change of the watches."""
    return int(state.rows(_SQL["generation"])[0][0])


def watches(state: State, chain: str | None = None) -> list[Watch]:
    """All watches, or those of a chain, by id."""
    settings: dict[str, Settings] = {}
    return [_watch(row, settings) for row in state.rows(_SQL["watches"], {"chain": chain})]


def find(state: State, start: str) -> str:
    """The whole id of a watch by its beginning; `UsageError` where none, or more than one, begins so."""
    text = start if start.startswith("w-") else f"w-{start}"
    wild = text == "w-" or any(mark in start for mark in "%_")
    found = [] if wild else [str(i) for (i,) in state.rows(_SQL["find"], {"start": text})]
    if len(found) != 1:
        what = "no watch has" if not found else "several watches have"
        raise UsageError(
            f"{what} an id that begins with {start!r}.", hint="`tracer watch list` shows their ids."
        )
    return found[0]


def start(state: State, chain: str, height: int) -> None:
    """Let watches that were added before the chain was read begin above this height. Inside a transaction."""
    state.run(_SQL["start_at"], {"chain": chain, "height": height})
    state.run(_SQL["changed"])


def start_anew(state: State, chain: str) -> None:
    """Let all watches of a chain begin at its next cursor, however low that stands. Inside a transaction."""
    state.run(_SQL["start_anew"], {"chain": chain})
    state.run(_SQL["changed"])


def begin_lower(state: State, chain: str, height: int) -> None:
    """Blocks above this height are other ones than those at which watches began. Inside a transaction."""
    state.run(_SQL["begin_lower"], {"chain": chain, "height": height})
    state.run(_SQL["changed"])


def measured(state: State, watch_id: str, size: int, held: str) -> None:
    """Note what a watched cluster was like when it was first looked at. Inside a transaction."""
    state.run(_SQL["measured"], {"watch_id": watch_id, "size": size, "held": held})
    state.run(_SQL["changed"])


def overgrown(state: State, watch_id: str, height: int) -> None:
    """Fall back to the anchor of a cluster. Inside a transaction."""
    state.run(_SQL["overgrown"], {"watch_id": watch_id, "height": height})
    state.run(_SQL["changed"])


def fill_trails(state: State, full: Mapping[str, int]) -> None:
    """Note from which heights on trails leave outputs out, by the ids of their watches. Inside a transaction."""
    for watch_id, height in sorted(full.items()):
        state.run(_SQL["trail_full"], {"watch_id": watch_id, "height": height})
    if full:
        state.run(_SQL["changed"])


def full_trails(state: State, chain: str) -> int:
    """How many trails of a chain leave outputs out."""
    return int(state.rows(_SQL["full_trails"], {"chain": chain})[0][0])


def grown_back(state: State, chain: str, height: int) -> None:
    """What overgrew, or filled its trail, in blocks above this one did so on a lost branch. Inside a transaction."""
    for statement in ("grown_back", "room_again"):
        state.run(_SQL[statement], {"chain": chain, "height": height})
    state.run(_SQL["changed"])


def expired(state: State, chain: str, now: str) -> list[str]:
    """Ids of the watches of a chain whose time is over."""
    return [str(i) for (i,) in state.rows(_SQL["expired"], {"chain": chain, "now": now})]


def purge(
    state: State, watch_ids: Sequence[str], reason: str, now: str, *, with_alerts: bool = False
) -> None:
    """Take watches out with all that says what they watched; a line says that it was done. Inside a transaction.

    Their alerts are records and stay, and what is in the outbox still goes out, unless `with_alerts`.
    """
    for watch_id in watch_ids:
        asked = {"watch_id": watch_id}
        ((alerts,),) = state.rows(_SQL["alerts_of"], asked)
        state.run(_SQL["note_purge"], {**asked, "reason": reason, "now": now, "alerts": alerts})
        if with_alerts:
            ids = [str(i) for (i,) in state.rows(_SQL["alert_ids"], asked)]
            outbox.forget(state, ids)
            for statement in ("drop_alert", "drop_revisions", "drop_notes"):
                state.run_each(_SQL[statement], ({"alert_id": i} for i in ids))
        state.run(_SQL["drop_lots"], asked)
        state.run(_SQL["drop"], asked)
    if watch_ids:
        state.run(_SQL["changed"])


def purges(state: State) -> list[Purge]:
    """Watches that are gone, oldest first."""
    return [Purge(*row) for row in state.rows(_SQL["purges"])]


def _row(watch: Watch) -> dict[str, object]:
    return {
        "watch_id": watch.watch_id,
        "chain": watch.chain,
        "kind": watch.kind,
        "subject": watch.subject,
        "key_kind": None if watch.key is None else int(watch.key.kind),
        "key_payload": None if watch.key is None else watch.key.payload,
        "alert_types": " ".join(sorted(watch.alert_types)),
        "settings": watch.settings.text(),
        "label": watch.label,
        "tags": json.dumps(watch.tags, ensure_ascii=False),
        "channels": json.dumps(watch.channels, ensure_ascii=False),
        "case_id": watch.case_id,
        "basis": watch.basis,
        "owner": watch.owner,
        "tlp": watch.tlp,
        "added": watch.added,
        "expires": watch.expires,
        "start_height": watch.start_height,
        "base_size": watch.base_size,
        "base_held": watch.base_held,
        "overgrown": watch.overgrown,
        "trail_full": watch.trail_full,
    }


def _watch(row: Sequence[Any], settings: dict[str, Settings]) -> Watch:
    """`settings`: those that were read before; lists of a hundred thousand share a few."""
    watch_id, chain, kind, subject, key_kind, payload, types, said, label, tags, channels, *rest = row
    if said not in settings:
        settings[said] = Settings(**json.loads(said))
    key = None if key_kind is None else AddressKey(key_kind, bytes(payload))
    return Watch(
        watch_id, chain, kind, subject, key, tuple(types.split()), settings[said], label,
        tuple(json.loads(tags)), tuple(json.loads(channels)), *rest,
    )  # fmt: skip
