"""The kernels of `tracer.clustering.unionfind`: sets in one int32 array, and what must not be joined.

`parent` holds the parent of each number, and at a root its set's size, negated. `party` is the party of each root's
set; `head`, `tail`, `chained` and `other` are chains of pairs that must stay apart, per root; both are empty where
there are none. `counts` carries four numbers over batch borders (USED to KEY).
"""

from __future__ import annotations

from numba import njit

PARTIES, APART, BOTH_LARGE, LEAPS, ONE_SIDE = range(1, 6)
"""Why a link is refused: codes of `unionfind.REASONS`."""
USED, LINKS, LARGEST, KEY = range(4)
"""Places in `counts`: transactions that joined, links, members of the largest set, the next key link."""
MERGE_COLUMNS, REFUSED_COLUMNS = 7, 5


@njit(cache=True, nogil=True)
def find(parent, node):  # type: ignore[no-untyped-def]
    """The root of a number's set; shortens the way there."""
    while True:
        up = parent[node]
        if up < 0:
            return node
        above = parent[up]
        if above < 0:
            return up
        parent[node] = above
        node = above


@njit(cache=True, nogil=True)
def unite(parent, party, head, tail, chained, a, b):  # type: ignore[no-untyped-def]
    """Make one set of two roots; -> its root, the lesser."""
    keep, gone = (a, b) if a < b else (b, a)
    parent[keep] += parent[gone]
    parent[gone] = keep
    if party.size and party[keep] == 0:
        party[keep] = party[gone]
    if head.size and head[gone] >= 0:
        if head[keep] < 0:
            head[keep] = head[gone]
        else:
            chained[tail[keep]] = head[gone]
        tail[keep] = tail[gone]
    return keep


@njit(cache=True, nogil=True)
def kept_apart(parent, head, chained, other, root, among, first, stop):  # type: ignore[no-untyped-def]
    """The first in `among[first:stop]` whose set must stay apart from a root's, or -1."""
    found = stop
    pair = head[root]
    while pair >= 0:
        rival = find(parent, other[pair])
        if rival != root:
            # of several the first: chains keep no order that would be the same after an update
            for i in range(first, found):
                if find(parent, among[i]) == rival:
                    found = i
                    break
        pair = chained[pair]
    return among[found] if found < stop else -1


@njit(cache=True, nogil=True)
def conflict(parent, party, head, chained, other, members, first, stop):  # type: ignore[no-untyped-def]
    """Why the members must not become one set: (reason, one member, another), or (0, -1, -1)."""
    if party.size:
        known = -1
        for i in range(first, stop):
            root = find(parent, members[i])
            if party[root]:
                if known >= 0 and party[find(parent, known)] != party[root]:
                    return PARTIES, known, members[i]
                if known < 0:
                    known = members[i]
    if head.size:
        asked = -1
        for i in range(first, stop):
            root = find(parent, members[i])
            if head[root] >= 0 and root != asked:
                asked = root  # many inputs of one set ask once, not once each
                rival = kept_apart(parent, head, chained, other, root, members, first, stop)
                if rival >= 0:
                    return APART, members[i], rival
    return 0, -1, -1


@njit(cache=True, nogil=True)
def leaps(size_a, size_b, largest, large, leap):  # type: ignore[no-untyped-def]
    """Whether two sets that meet are both large, or make the largest of all grow by a leap."""
    grown = size_a + size_b - largest
    return (size_a > large and size_b > large) or (largest > large and grown * leap > largest)


@njit(cache=True, nogil=True)
def add(  # type: ignore[no-untyped-def]
    parent,
    party,
    head,
    tail,
    chained,
    other,
    counts,
    tx_ids,
    members,
    keys,
    until,
    merges,
    refused,
    large,
    leap,
):
    """Take whole transactions, and the key links up to them; -> merges and refusals noted."""
    found = no = used = links = 0
    row, rows = 0, tx_ids.size
    bound = party.size > 0 or head.size > 0
    largest = counts[LARGEST]
    while True:
        tx = tx_ids[row] if row < rows else until
        while counts[KEY] < keys.shape[0] and keys[counts[KEY], 0] < tx:
            key = counts[KEY]
            counts[KEY] += 1
            pair = keys[key, 1:]
            reason, a, b = conflict(parent, party, head, chained, other, pair, 0, 2)
            if reason:
                refused[no, 0], refused[no, 1], refused[no, 2], refused[no, 3] = keys[key, 0], a, b, reason
                refused[no, 4] = 1
                no += 1
                continue
            root, more = find(parent, pair[0]), find(parent, pair[1])
            if root == more:
                continue
            size, added = -parent[root], -parent[more]
            keep = unite(parent, party, head, tail, chained, root, more)
            if size > 1 and added > 1:
                merges[found, 0], merges[found, 1] = keys[key, 0], 1
                merges[found, 2], merges[found, 3] = keep, root + more - keep
                merges[found, 4], merges[found, 5] = (size, added) if keep == root else (added, size)
                merges[found, 6] = leaps(size, added, largest, large, leap)
                found += 1
            largest = max(largest, size + added)
        if row >= rows:
            counts[USED] += used
            counts[LINKS] += links
            counts[LARGEST] = largest
            return found, no
        first = row
        distinct = 1
        row += 1
        while row < rows and tx_ids[row] == tx:
            if members[row] != members[row - 1]:
                distinct += 1
            row += 1
        if distinct == 1:
            continue
        if bound:
            reason, a, b = conflict(parent, party, head, chained, other, members, first, row)
            if reason:
                refused[no, 0], refused[no, 1], refused[no, 2], refused[no, 3] = tx, a, b, reason
                refused[no, 4] = 0
                no += 1
                continue
        used += 1
        links += distinct - 1
        root = find(parent, members[first])
        for i in range(first + 1, row):
            more = find(parent, members[i])
            if more == root:
                continue
            size, added = -parent[root], -parent[more]
            if bound:
                keep = unite(parent, party, head, tail, chained, root, more)
            else:  # written out: a call with so many arrays costs more than what it does
                keep = min(root, more)
                parent[max(root, more)] = keep
                parent[keep] = -size - added
            if size > 1 and added > 1:
                merges[found, 0], merges[found, 1] = tx, 0
                merges[found, 2], merges[found, 3] = keep, root + more - keep
                merges[found, 4], merges[found, 5] = (size, added) if keep == root else (added, size)
                merges[found, 6] = leaps(size, added, largest, large, leap)
                found += 1
            largest = max(largest, size + added)
            root = keep


@njit(cache=True, nogil=True)
def rivals(parent, head, chained, other, left, right):  # type: ignore[no-untyped-def]
    """Whether two roots' sets must stay apart. Every pair stands in both chains, so the shorter one decides."""
    one, two = head[left], head[right]
    while one >= 0 and two >= 0:
        if find(parent, other[one]) == right or find(parent, other[two]) == left:
            return True
        one, two = chained[one], chained[two]
    return False


@njit(cache=True, nogil=True)
def links(  # type: ignore[no-untyped-def]
    parent, party, head, tail, chained, other, counts, a, b, wary, reasons, large, leap
):
    """Take single links in order, each where no constraint and no size forbids it; `reasons` says why not."""
    for i in range(a.size):
        left, right = find(parent, a[i]), find(parent, b[i])
        if left == right:
            continue
        reason = 0
        if party.size and party[left] and party[right] and party[left] != party[right]:
            reason = PARTIES
        elif head.size and rivals(parent, head, chained, other, left, right):
            reason = APART
        size_a, size_b = -parent[left], -parent[right]
        # a payee's cluster that is a known party's, or a party's payment to somebody with other addresses
        known = party.size > 0 and party[left] != party[right] and (party[right] > 0 or size_b > 1)
        if not reason and wary[i] and known:
            reason = ONE_SIDE
        if not reason and size_a > large and size_b > large:
            reason = BOTH_LARGE
        largest = counts[LARGEST]
        if not reason and wary[i] and leaps(size_a, size_b, largest, large, leap):
            reason = LEAPS
        reasons[i] = reason
        if not reason:
            unite(parent, party, head, tail, chained, left, right)
            counts[LARGEST] = max(largest, size_a + size_b)


@njit(cache=True, nogil=True)
def flatten(parent):  # type: ignore[no-untyped-def]
    """Point every number at its root: a parent is never greater than its child, so one ascending pass does."""
    for node in range(parent.size):
        parent[node] = node if parent[node] < 0 else parent[parent[node]]


@njit(cache=True, nogil=True)
def regrow(parent, roots):  # type: ignore[no-untyped-def]
    """Sets that were built before: `roots` holds the least member of each."""
    for node in range(roots.size):
        root = roots[node]
        if root != node:
            parent[node] = root
            parent[root] -= 1


@njit(cache=True, nogil=True)
def settle(parent, parties, party):  # type: ignore[no-untyped-def]
    """The party of each set: that of its members who are known."""
    for member in range(parties.size):
        if parties[member]:
            party[find(parent, member)] = parties[member]


@njit(cache=True, nogil=True)
def chain(parent, members, head, tail, chained):  # type: ignore[no-untyped-def]
    """Hang each pair onto its root's chain."""
    for place in range(members.size):
        root = find(parent, members[place])
        if head[root] < 0:
            head[root] = place
        else:
            chained[tail[root]] = place
        tail[root] = place
