"""The part of `docs/accuracy.md` on chains of accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cli.evaluation_accounts_text import NONE, verdict
from cli.evaluation_text import listed, markdown_table, shown

_HOLDS = """\
What such a world holds: five exchanges of the register and a market; some have deposit accounts with keys, and a gas
station that pays for the sweeps of tokens, some have contracts of a factory (CREATE2). People who pay, swap, wrap,
bridge and mix; thieves and vendors who cash out. And who looks like what they are not: an employer who pays wages into
deposit accounts, a broker who delivers there, a friend's first coin, victims who approved a thief, poisoned histories,
tokens that lie. The claims are what an investigator would hold: every hot account, and by hearsay a quarter of the
exchanges' deposit accounts.

What it does not hold, to be read out with any figure:

- Real exchanges' habits. Here every deposit is swept whole, within the hour, straight to the one hot account that a tag
  names. Real ones sweep late, in part, in batches, through accounts that nobody knows, and of real services only some
  hot accounts are known. Expect real recall to be far lower.
- Much of what the rules are known to get wrong. Where such a count is 0 the error cannot occur here, and a rate of 0
  says nothing of it:
{misleads}
- Services that are no exchanges and use contracts of one factory (a fund's treasury), desks and families that share
  accounts, customers with accounts at several exchanges.
- Tron. No Tron node can be run for a simulated world, so activations and lent energy occur nowhere in it:
  `tron_activation` is not measured, and the other rates are of EVM chains, also where an answer on Tron quotes them.
- The real chain: the world is of the rules' own authors, and no rate here is an estimate of the real one."""


def accounts_place(accounts: dict[str, Any] | None) -> str:
    """What was measured on what."""
    if accounts is None:
        return f"**Simulated worlds of accounts**: {NONE}"
    worlds = accounts["worlds"]
    chains = ", ".join(f"`{chain}`" for chain in worlds["chains"])
    return (
        f"**Simulated worlds of accounts**: `{worlds['name']}`, seeds {listed(worlds['seeds'])}, "
        f"{worlds['transactions_asked']:,} transactions asked for each, on two EVM chains that real nodes run "
        f"({chains}); together {worlds['transactions']:,} transactions, {worlds['addresses']:,} addresses of "
        f"{worlds['owners']:,} owners, each chain counted for itself. All are read from the nodes by the same code as "
        "real ones. A contract is of who put it up; a service's deposit accounts and gas station are the service's. "
        f"{worlds['unnamed_addresses']:,} addresses without a name in the truth take no part. What these worlds hold, "
        "and what not, stands in the part on chains of accounts."
    )


def accounts_page(accounts: dict[str, Any] | None) -> list[str]:
    """The paragraphs of the part on chains of accounts."""
    title = "## Chains of accounts"
    if accounts is None:
        return [title, NONE]
    said = [f"  - accounts that {name}: {count:,}" for name, count in accounts["misleads"].items()]
    return [
        title,
        _HOLDS.format(misleads="\n".join(said)),
        verdict(accounts),
        _tiers(accounts["tiers"]),
        "### Heuristics that make links between accounts",
        "A link joins one account to another; it is false where the two are of two owners. What was there to find, by "
        "heuristic: `deposit_sweep`, deposit accounts of services; `forwarder`, contracts that swept; `deposit_reuse`, "
        "the links it takes to join, for each deposit account, the accounts of one owner that paid into it. "
        "`account_deposit_sweep` joins nothing: its links are payments of which a trace says that they are deposits at "
        "a service, false where the account is no deposit account of that service; there to find are all payments into "
        "deposit accounts of exchanges that no sure tag names, in native coin and known tokens.",
        _heuristics(accounts["heuristics"]),
        "### Deposit accounts of services",
        "Found: in the extended tier the account is in a cluster with where its service gathers what was paid in. "
        "Accounts that a sure tag names are not counted. A factory puts a contract up with its first sweep: where none "
        "was made yet, it counts as an account with a key.",
        _deposits(accounts["deposits"]),
        "### Pairs that look alike",
        "Pairs of two owners that a heuristic may take for one, and pairs of one owner. *Shown as a lead*: where "
        "nothing joins the two, `cluster explain` shows people a lead between them. No rule is asked to join all pairs "
        "of one owner: no payment shows that both ends of a mixer are one's.",
        _pairs(accounts["pairs"]),
        "### Leads, which are no links",
        "A lead joins nobody, in no tier: it is shown to a person who asks about two accounts. Its measure is how "
        "often the two have one owner, over every pair of accounts that it would be shown for; where that is a half, "
        "it is wrong half the time. Shops, friends and victims are among them. The worlds hold few cases of some.",
        _leads(accounts["leads"]),
        "Of the pairs of one owner that the truth names as cases of a lead, how many it shows:",
        _cases(accounts["leads"]),
    ]


def _tiers(tiers: Sequence[dict[str, Any]]) -> str:
    header = [
        "tier", "pairs joined", "of them false", "precision of pairs", "recall of pairs", "B-cubed precision",
        "B-cubed recall", "impure clusters",
    ]  # fmt: skip
    names = ("precision", "recall", "bcubed_precision", "bcubed_recall")
    rows = [
        [t["tier"], t["pairs"]["joined"], t["pairs"]["false"], *(shown(t[n]) for n in names), t["impure_clusters"]]
        for t in tiers
    ]  # fmt: skip
    return markdown_table(header, rows)


def _heuristics(rows: Sequence[dict[str, Any]]) -> str:
    header = [
        "heuristic, version", "tier", "links", "false", "error rate (95 %)", "precision (95 %)", "found",
        "there to find", "recall (95 %)",
    ]  # fmt: skip
    lines = [
        [
            f"`{r['id']}` {r['version']}", r["tier"], r["links"], r["false"], shown(r, "rate"), shown(r["precision"]),
            r["found"], r["true"], shown(r["recall"]),
        ]
        for r in rows
    ]  # fmt: skip
    return markdown_table(header, lines)


def _deposits(rows: Sequence[dict[str, Any]]) -> str:
    header = ["kind", "in truth", "of them swept", "found", "recall (95 %)"]
    return markdown_table(
        header, [[r["kind"], r["true"], r["swept"], r["found"], shown(r["recall"])] for r in rows]
    )


def _pairs(rows: Sequence[dict[str, Any]]) -> str:
    header = ["owners", "pair", "pairs", "joined: conservative", "extended", "shown as a lead"]
    return markdown_table(
        header,
        [
            [
                "one" if r["same_owner"] else "two", r["reason"], r["pairs"], r["conservative"], r["extended"],
                r["shown_as_lead"],
            ]
            for r in rows
        ],
    )  # fmt: skip


def _leads(rows: Sequence[dict[str, Any]]) -> str:
    lines: list[list[object]] = []
    for row in rows:
        name = f"`{row['id']}` {row['version']}"
        lines.append([name, "all", "", *_owners(row)])
        lines += [[name, part["between"], part["how"], *_owners(part)] for part in row["parts"]]
    header = ["lead, version", "accounts of", "by", "pairs", "of one owner", "of two", "share of one (95 %)"]
    return markdown_table(header, lines)


def _owners(row: dict[str, Any]) -> list[object]:
    return [row["pairs"], row["one_owner"], row["two_owners"], shown(row["share"])]


def _cases(rows: Sequence[dict[str, Any]]) -> str:
    return markdown_table(
        ["lead, version", "there to find", "shown", "recall (95 %)"],
        [[f"`{r['id']}` {r['version']}", r["true"], r["found"], shown(r["recall"])] for r in rows],
    )
