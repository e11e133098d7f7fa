"""Clustering heuristics in the order they are applied. A new one is one new file and one line here."""

from __future__ import annotations

from rules.heuristics.account_deposit_sweep import AccountDepositSweep
from rules.heuristics.address_type import AddressType
from rules.heuristics.agreed_change import AgreedChange
from rules.heuristics.co_spend import CoSpend
from rules.heuristics.deposit_reuse import DepositReuse
from rules.heuristics.deposit_sweep import DepositSweep
from rules.heuristics.fingerprint import Fingerprint
from rules.heuristics.forwarder import Forwarder
from rules.heuristics.fresh_address import FreshAddress
from rules.heuristics.gas_funder import GasFunder
from rules.heuristics.optimal_value import OptimalValue
from rules.heuristics.peel_chain import PeelChain
from rules.heuristics.pool_like import PoolLike
from rules.heuristics.round_value import RoundValue
from rules.heuristics.same_key import SameKey
from rules.heuristics.self_authorisation import SelfAuthorisation
from rules.heuristics.self_change import SelfChange
from rules.heuristics.swap_pool import SwapPool
from rules.heuristics.tron_activation import TronActivation
from tracer.clustering.rules import Heuristic

HEURISTICS: tuple[Heuristic, ...] = (
    CoSpend(),
    SameKey(),
    SelfChange(),
    DepositSweep(),
    AgreedChange(),
    FreshAddress(),
    AddressType(),
    OptimalValue(),
    RoundValue(),
    Fingerprint(),
    PeelChain(),
    PoolLike(),
    Forwarder(),
    DepositReuse(),
    SelfAuthorisation(),
    GasFunder(),
    TronActivation(),
    AccountDepositSweep(),
    SwapPool(),
)
