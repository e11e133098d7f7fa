"""Which contracts of the world are bridges and mixer pools: lists for `tracer trace --emitters` and `--mixer-pools`."""

from __future__ import annotations

from adapters.simulation.accounts.keys import text
from adapters.simulation.accounts.stage import Stage
from adapters.simulation.accounts.truth import chain_name

_SOURCE = "simulation:ground-truth"


def emitters_yml(stage: Stage) -> str:
    """The contracts of the bridge and of the swap network, as `rules/bridges/emitters.yml` lists them."""
    chains = [(chain_name(place.chain.chain_id), place) for place in stage.places]
    spokes = [f'    {name}: {{"{text(place.bridge.address)}": SpokePool}}' for name, place in chains]
    ids = [f'    {name}: "{place.chain.chain_id}"' for name, place in chains]
    home, router = chain_name(stage.a.chain.chain_id), text(stage.a.thorchain.address)
    return "\n".join(
        [
            "across:", f"  source: {_SOURCE}", "  networks:", *ids, "  emitters:", *spokes,
            "thorchain:", f"  source: {_SOURCE}", "  networks:", f"    {home}: ETH", "    bitcoin-regtest: BTC",
            "  emitters:", f'    {home}: {{"{router}": Router}}', "",
        ]
    )  # fmt: skip


def pools_yml(stage: Stage) -> str:
    """The mixer pools, as `rules/pools/tornado.yml` lists them."""
    rows = [f'    "{text(mixer.address)}": "{mixer.denomination}"' for mixer in stage.a.mixers]
    home = chain_name(stage.a.chain.chain_id)
    return "\n".join([f"source: {_SOURCE}", "pools:", f"  {home}:", *rows, ""])
