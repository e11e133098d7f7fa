"""Leads between two clusters of accounts: who paid their first gas, who activated them. Never merged."""

from __future__ import annotations

from typing import Any

from tracer.chain import RelationKind
from tracer.clustering.account_links import MOVING, own_accounts
from tracer.clustering.constraints import Constraints
from tracer.clustering.rules import RuleSet
from tracer.db import named_sql
from tracer.ledger.store import Ledger

FUNDER, TRON = "gas_funder", "tron_activation"

_SQL = named_sql("tracer.clustering", "account_leads.sql")
_STATEMENTS = {FUNDER: "funded", TRON: "operated"}
_RELATIONS = {"activation": int(RelationKind.ACTIVATION), "delegation": int(RelationKind.DELEGATION)}


def rows(
    ledger: Ledger, rules: RuleSet, constraints: Constraints, *, stop: int, limit: int
) -> list[list[tuple[Any, ...]]]:
    """Rows of each lead heuristic in force, for the table `side` that is there; see `account_leads.sql`."""
    found = []
    with ledger.db.table("own", own_accounts(constraints)):
        for name, statement in _STATEMENTS.items():
            if (rule := rules.heuristic(name)) is not None:
                more = {"moving": MOVING} if name == FUNDER else _RELATIONS
                fan = getattr(rule, "parameters").fan  # noqa: B009
                asked = {"fan": fan, "heuristic": name, "stop": stop, "limit": limit, **more}
                found.append(ledger.db.rows(_SQL[statement], asked))
    return found
