"""Which names mean the same actor: ids, labels and aliases that actor packs and registers give.

Two sources that call one house `binance` and `Binance.com` do not disagree. A name that two actors share
means neither.
"""

from __future__ import annotations

from collections.abc import Iterable

from tracer.intel.claims import Actor, Vasp


class Names:
    """Names to actor ids. Case does not matter; nothing else is guessed."""

    def __init__(self, actors: Iterable[Actor], vasps: Iterable[Vasp]) -> None:
        owners: dict[str, set[str]] = {}
        for actor in actors:
            for name in (actor.label, actor.uri, *actor.aliases.split("; ")):
                owners.setdefault(_key(name), set()).add(actor.id)
            owners[_key(actor.id)] = {actor.id}
        for vasp in vasps:
            for name in (vasp.name, *vasp.names.split("; ")):
                owners.setdefault(_key(name), set()).add(vasp.vasp_id)
            owners[_key(vasp.vasp_id)] = {vasp.vasp_id}
        self._actor = {name: next(iter(ids)) for name, ids in owners.items() if name and len(ids) == 1}

    def actor_of(self, name: str) -> str | None:
        """The one actor a name means; None where no claim, or more than one, says so."""
        return self._actor.get(_key(name))


def _key(name: str) -> str:
    return name.casefold().removeprefix("www.")
