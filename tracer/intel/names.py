"""Which names mean the same actor: ids, labels and aliases that actor packs and registers give.

Two sources that call one house `binance` and `Binance.com` do not disagree. A name that two actors share
means neither.
"""

from __future__ import annotations

from collections.abc import Iterable

from tracer.intel.claims import Actor, Vasp
from tracer.intel.ranking import Row, behaviour_of, words_of


class Names:
    """Names to actor ids. Case does not matter; nothing else is guessed."""

    def __init__(self, actors: Iterable[Actor], vasps: Iterable[Vasp]) -> None:
        self._owners: dict[str, set[str]] = {}
        ids: set[str] = set()
        for actor in actors:
            ids.add(actor.id)
            for name in (actor.label, actor.uri, *actor.aliases.split("; ")):
                self._owners.setdefault(_key(name), set()).add(actor.id)
        for vasp in vasps:
            ids.add(vasp.vasp_id)
            for name in (vasp.name, *vasp.names.split("; ")):
                self._owners.setdefault(_key(name), set()).add(vasp.vasp_id)
        own: dict[str, set[str]] = {}
        for name in ids:
            own.setdefault(_key(name), set()).add(name)
        self._owners |= own  # an id means its own, whatever others call themselves
        self._actor = {
            name: next(iter(found)) for name, found in self._owners.items() if name and len(found) == 1
        }
        self._sharing: dict[str, set[str]] = {}
        for name, found in self._owners.items():
            for actor_id in found if name and len(found) > 1 else ():
                self._sharing.setdefault(actor_id, set()).update(found)

    def owners(self, name: str) -> set[str]:
        """All actors that a name is said to mean, and those that share any name with them.

        Without one of these a name could mean another one.
        """
        meant = self._owners.get(_key(name), set())
        return meant.union(*(self._sharing.get(actor_id, ()) for actor_id in meant))

    def actor_of(self, name: str) -> str | None:
        """The one actor a name means; None where no claim, or more than one, says so."""
        return self._actor.get(_key(name))

    def identified(self, row: Row) -> Row:
        """A tag with the actor it means: its own under another name, or a service's by its label.

        Neither the label nor the actor of a tag that speaks of a person is ever taken for a service's name.
        """
        if behaviour_of(row) == "follow" and words_of(row):
            return row
        said = row["actor"] or (row["label"] if words_of(row) else "")
        actor = (self.actor_of(said) if said else None) or row["actor"]
        return {**row, "actor": actor} if actor != row["actor"] else row


def _key(name: str) -> str:
    return name.casefold().removeprefix("www.")
