"""Leads between two clusters of accounts: first gas, activation, used approvals. Never merged."""

from __future__ import annotations

from typing import Any

from tracer.chain import RelationKind
from tracer.clustering.account_links import MOVING, own_accounts, thresholds
from tracer.clustering.constraints import Constraints
from tracer.clustering.rules import RuleSet
from tracer.db import named_sql
from tracer.ledger.store import Ledger

FUNDER, TRON, AUTHORISED = "gas_funder", "tron_activation", "self_authorisation"

_SQL = named_sql("tracer.clustering", "account_leads.sql")
_STATEMENTS = {FUNDER: "funded", TRON: "operated", AUTHORISED: "authorised"}
_ASKED = {
    FUNDER: {"moving": MOVING},
    TRON: {"activation": int(RelationKind.ACTIVATION), "delegation": int(RelationKind.DELEGATION)},
    AUTHORISED: {"moving": MOVING, "approval": int(RelationKind.APPROVAL)},
}


def rows(
    ledger: Ledger, rules: RuleSet, constraints: Constraints, *, stop: int, limit: int
) -> list[list[tuple[Any, ...]]]:
    """Rows of each lead heuristic in force, for the table `side` that is there; see `account_leads.sql`."""
    found = []
    with ledger.db.table("own", own_accounts(constraints)):
        for name, statement in _STATEMENTS.items():
            if (rule := rules.heuristic(name)) is not None:
                asked = {"heuristic": name, "stop": stop, "limit": limit, **thresholds(rule), **_ASKED[name]}
                found.append(ledger.db.rows(_SQL[statement], asked))
    return found
