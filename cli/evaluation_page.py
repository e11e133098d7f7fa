"""`docs/accuracy.md`: the evaluation as a page that can be read out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cli.evaluation import TIERS
from cli.evaluation_accounts_page import accounts_page, accounts_place
from cli.evaluation_text import listed, markdown_table, shown, span, verdict, with_or_without

_LIMITS = """\
- The simulated world is kinder than the real chain. Its wallets are eight programs, its people have regular habits, and
  it was written by the people who wrote these rules. A rate measured on it is no estimate of the real one; expect the
  real one to be higher.
- No ownership labels of real addresses exist in the open, other than what was made by clustering or is a service's own
  word. Nobody can measure these rates on the real chain from public data; whoever holds seized or disclosed wallets
  can, with the functions of `tracer.clustering.metrics`.
- Change heuristics are where this matters most. An open replication (decluster: one day of 2024 against labels that
  came from co-spend, then 10,691 labels disjoint from it) finds a precision of 0.83 to 1.00 on the first and of 0.60 to
  0.74 on the second. The rates of the extended tier below are those of the method where its assumptions hold.
- A PayJoin joins payer and payee, and its structure hardly ever gives it away: it stays in the rates of `co_spend`. How
  common PayJoins are in the real chain is not known; how many the worlds hold is said above.
- Links of one transaction, and of one wallet, are no independent observations. The Wilson intervals take them as such
  and are narrower than they should be; the bootstrap resamples whole owners and whole clusters.
- An interval of no width says that no error was seen in what was resampled, not that none can be.
- "Not measured" is said of a rule whose case the worlds do not hold (`same_key`: no key there has two addresses; all
  that only Tron has).
- A rate holds for the version of the rule that was measured. Results quote `null` for any other.
"""


def page(document: dict[str, Any]) -> str:
    """docs/accuracy.md. The same document gives the same bytes."""
    worlds = document["worlds"]
    parts = [
        "# Error rates",
        "Written by `make accuracy` (`tracer cluster evaluate`). Every figure is counted by the code of this "
        f"repository; the same code gives the same page. Rules: `{document['rules']}`.",
        "## What was measured on what",
        f"**Simulated worlds**: `{worlds['name']}`, seeds {listed(worlds['seeds'])}, "
        f"{worlds['transactions_asked']:,} transactions asked for each; together "
        f"{worlds['transactions']:,} transactions, "
        f"{worlds['addresses']:,} addresses of {worlds['owners']:,} owners, "
        f"{worlds['payjoins']:,} PayJoins. All are read "
        "from raw blocks by the same code as real ones. An escrow is an owner of its own; a "
        "service's deposit addresses "
        f"are the service's. {worlds['unnamed_addresses']:,} addresses without a name in "
        "the truth (bare multisig) take "
        "no part.",
        _of_labels(document["labelled"]),
        accounts_place(document["accounts"]),
        "Shares are shown to four digits, error rates to six; what is not all is never "
        "rounded up to all. Intervals are "
        "95 %: Wilson for proportions of links and detections, a bootstrap (1,000 "
        "resamples of owners, or of clusters "
        "for the precision of pairs) for the others. Where no interval stands the least "
        "and greatest of the worlds do.",
        "## Limits, to be read out with any figure",
        _LIMITS.strip(),
        "## Clusters",
        "*Pairs*: of all pairs of addresses in one cluster, the share of one owner "
        "(precision); of all pairs of one "
        "owner, the share in one cluster (recall). *B-cubed*: the same asked of each "
        "address and averaged. *Impure*: "
        "clusters with two owners or more.",
        _tiers(document["tiers"]),
        verdict(document),
        "### World by world",
        _seeds(document["tiers"]),
        "### By script type",
        "Pairs of addresses of the same script type alone, PayJoins included.",
        _scripts(document["scripts"]),
        "### By kind of owner",
        "B-cubed recall: of all addresses of an address's owner, the share that its cluster holds, averaged. Where it "
        "is low the clusters miss much; what they hold is not less right for it.",
        markdown_table(
            ["kind of owner", "owners", "addresses", *TIERS],
            [[row[n] for n in ("actor", "owners", "addresses", *TIERS)] for row in document["actors"]],
        ),
        "## Heuristics that make links",
        "A transaction that spends from k addresses makes k - 1 links; where they are of "
        "m owners, m - 1 of them are "
        "false. A link of the extended tier joins one address to one cluster. What only chains of accounts have stands "
        "in the part on them.",
        _heuristics(document["heuristics"]),
        "## Change heuristics, one by one",
        "What each says alone, before they are composed: *signals* are outputs it leaves "
        "alone as the only possible "
        "change, false where the output is another owner's. *Ruled out* are outputs it "
        "excludes, false where the output "
        "was the payer's only own. None of them makes a link by itself; one that only "
        "rules out has no vote for.",
        _change(document["change"]),
        "## Mixers in the worlds",
        "Every mix of a world is known. A PayJoin may be recognised as possible where its "
        "structure gives it away; that "
        "its recall is low is no fault of the detector. *Another mix*: a mix, of another name; "
        "the detector is not wrong about "
        "mixing, and the error rate does not count it. *False*: no mix (for "
        "`payjoin_possible`: no PayJoin and no mix).",
        _mixers(document["mixers"]),
        *_possible(document["possible_mixers"]),
        _unnamed(document["recognised_beyond_truth"]),
    ]
    if document["labelled"]:
        parts += _labelled(document["labelled"])
    parts += accounts_page(document["accounts"])
    return "\n\n".join(parts) + "\n"


def _of_labels(labelled: dict[str, Any] | None) -> str:
    if not labelled:
        return "**Labelled real transactions**: none were at hand for this page."
    return (
        f"**Labelled real transactions**: {labelled['transactions']:,} of Bitcoin, in published sets "
        "(crocs-muni/coinjoin-analysis). The labels carry noise: "
        f"{labelled['reviewed']:,} of them contradict a necessary condition of their "
        "protocol and are set aside by "
        "`tests/real/labels_review.csv`, each with its reason."
    )


def _tiers(tiers: Sequence[dict[str, Any]]) -> str:
    measures = (
        ("precision of pairs", lambda t: shown(t["precision"])),
        ("recall of pairs", lambda t: shown(t["recall"])),
        ("F1 of pairs", lambda t: shown(t["f1"])),
        ("B-cubed precision", lambda t: shown(t["bcubed_precision"])),
        ("B-cubed recall", lambda t: shown(t["bcubed_recall"])),
        ("adjusted Rand index", lambda t: span(t["ari"])),
        ("homogeneity", lambda t: span(t["homogeneity"])),
        ("completeness", lambda t: span(t["completeness"])),
        ("V-measure", lambda t: span(t["v_measure"])),
        ("pairs joined", lambda t: t["pairs"]["joined"]),
        ("of them false", lambda t: t["pairs"]["false"]),
        ("clusters", lambda t: t["clusters"]),
        ("of them impure", lambda t: t["impure_clusters"]),
        ("largest foreign share of an impure cluster", lambda t: shown(t["largest_foreign_share"])),
        (
            "largest impure cluster, of all addresses of its world",
            lambda t: shown(t["largest_impure_share"]),
        ),
    )
    header = ["", *(f"{t['tier']}, {with_or_without(t['payjoins'])} PayJoins" for t in tiers)]
    return markdown_table(header, [[title, *(value(t) for t in tiers)] for title, value in measures])


def _seeds(tiers: Sequence[dict[str, Any]]) -> str:
    names = ("precision", "recall", "bcubed_precision", "bcubed_recall", "ari")
    header = ["tier", "PayJoins", "seed", "pairs: precision", "recall", "B-cubed: precision", "recall", "ARI"]
    rows = [
        [t["tier"], with_or_without(t["payjoins"]), seed["seed"], *(seed[n] for n in names)]
        for t in tiers
        for seed in t["seeds"]
    ]
    return markdown_table(header, rows)


def _scripts(rows: Sequence[dict[str, Any]]) -> str:
    header = [
        "tier", "script", "addresses", "pairs joined", "false", "precision", "recall",
        "B-cubed: precision", "recall",
    ]  # fmt: skip
    names = (
        "tier",
        "script",
        "addresses",
        "joined",
        "false",
        "precision",
        "recall",
        "bcubed_precision",
        "bcubed_recall",
    )
    return markdown_table(header, [[row[n] for n in names] for row in rows])


def _heuristics(rows: Sequence[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        name = f"`{row['id']}` {row['version']}"
        lines.append([name, row["tier"], "all", row["links"], row["false"], shown(row, "rate")])
        clear = row["without_payjoins"]
        if row["false"] != clear["false"]:
            lines.append(
                [name, "", "all, without PayJoins", clear["links"], clear["false"], shown(clear, "rate")]
            )
        lines += [[name, "", s["script"], s["links"], s["false"], shown(s, "rate")] for s in row["scripts"]]
    return markdown_table(
        ["heuristic, version", "tier", "script", "links", "false", "error rate (95 %)"], lines
    )


def _change(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return "None."
    lines, scripts = [], []
    for row in rows:
        name, out = f"`{row['id']}` {row['version']}", row["ruled_out"]
        votes = row["family"] if row["counts"] else f"{row['family']} (rules out only)"
        lines.append(
            [
                name, votes, row["coverage"], row["abstained"], row["links"], row["false"], shown(row, "rate"),
                out["outputs"], shown(out, "rate"),
            ]
        )  # fmt: skip
        scripts += [[name, s["script"], s["links"], s["false"], shown(s, "rate")] for s in row["scripts"]]
    header = [
        "heuristic, version", "family", "coverage", "abstained", "signals", "false",
        "error rate (95 %)", "ruled out",
        "false (95 %)",
    ]  # fmt: skip
    payments = rows[0]["payments"]
    by_script = markdown_table(
        ["heuristic, version", "script of the output", "signals", "false", "error rate (95 %)"], scripts
    )
    return f"Of {payments:,} payments that were looked at:\n\n{markdown_table(header, lines)}\n\n{by_script}"


def _mixers(rows: Sequence[dict[str, Any]]) -> str:
    header = [
        "kind (detector, version)", "in truth", "recognised", "rightly", "another mix", "false", "set aside",
        "recall (95 %)", "precision (95 %)", "error rate (95 %)", "kept out of co-spend",
    ]  # fmt: skip
    return markdown_table(
        header,
        [
            [
                f"`{r['kind']}` (`{r['id']}` {r['version']})", r["true"], r["found"], r["right"], r["another_mix"],
                r["false"], r["set_aside"], shown(r["recall"]), shown(r["precision"]), shown(r, "rate"),
                r["kept_apart"],
            ]
            for r in rows
        ],
    )  # fmt: skip


def _possible(rows: Sequence[dict[str, Any]]) -> list[str]:
    """None where nothing of the sort was recognised."""
    if not rows:
        return []
    table = markdown_table(
        ["possible kind (detector, version)", "recognised", "of them labelled a mix"],
        [[f"`{r['kind']}` (`{r['id']}` {r['version']})", r["links"], r["labelled_mixes"]] for r in rows],
    )
    return [
        "Detectors that say what a transaction *may* be have no error rate: no label says that a "
        "transaction is none of the sort. What they recognise is kept out of co-spend, not called a mix.",
        table,
    ]


def _unnamed(found: dict[str, int]) -> str:
    told = ", ".join(f"`{kind}` {count:,}" for kind, count in found.items()) or "nothing"
    return (
        f"Recognised where the truth names no mix and no PayJoin: {told}. (A Tx0 prepares a mix and is none; the "
        "truth does not name them.)"
    )


def _labelled(found: dict[str, Any]) -> list[str]:
    sets = markdown_table(
        ["published set", "published", "contradicted", "left", "recognised as", "called a mix", "share (95 %)"],
        [
            [
                f"`{s['set']}`", s["published"], s["contradicted"], s["kept"],
                ", ".join(f"{kind} {count:,}" for kind, count in s["found"].items()) or "nothing",
                s["called_a_mix"]["count"], shown(s["called_a_mix"]),
            ]
            for s in found["sets"]
        ],
    )  # fmt: skip
    otherwise = markdown_table(
        ["published set", "called", "transaction"],
        [[f"`{row['set']}`", row["found"], f"`{row['txid']}`"] for row in found["called_otherwise"]],
    )
    return [
        "## Mixers on labelled real transactions",
        "Recall is of the published labels that stand after the review. A detection is right where a standing label "
        "says so. *Another mix*: labelled a mix of another name; the detector is wrong about the name and not about "
        "mixing, so the error rate does not count it and the precision does. *False*: labelled, after the review, as "
        "something that is no mix (for `whirlpool_tx0`: as anything else). One that only our own review calls so is "
        "*set aside* and counts for neither. Precision and error rate are of these sets, which hold many mixes and "
        "near-mixes: they are not those among all transactions. The JoinMarket labels are heuristic themselves.",
        _mixers(found["kinds"]),
        *_possible(found["possible"]),
        "What was said of each set, without the rows that the review contradicts. In `*_postmix`, `whirlpool_tx0` and "
        "`joinmarket_false_positive` a row called a mix is a false positive. The possible kinds above are kept out of "
        "co-spend and not called a mix.",
        sets,
        "Every transaction that is called a mix, and not the one that its label names:",
        otherwise,
    ]
