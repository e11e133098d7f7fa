"""Mix detectors in the order they are asked: the first that fits names the kind.

MWEB and Tx0 come before the generic detectors: the shape of the one is made by consensus, the equal outputs of the
other are one wallet's. A new detector is one new file and one line here.
"""

from __future__ import annotations

from rules.mixers.joinmarket import JoinMarket
from rules.mixers.mix_possible import MixPossible
from rules.mixers.mweb import Mweb
from rules.mixers.other_mix import OtherMix
from rules.mixers.payjoin import PayJoin
from rules.mixers.stonewall import Stonewall
from rules.mixers.wasabi1 import Wasabi1
from rules.mixers.wasabi2 import Wasabi2
from rules.mixers.whirlpool import Whirlpool
from rules.mixers.whirlpool_tx0 import WhirlpoolTx0
from tracer.clustering.rules import MixDetector

DETECTORS: tuple[MixDetector, ...] = (
    Whirlpool(),
    Mweb(),
    Wasabi2(),
    Wasabi1(),
    JoinMarket(),
    WhirlpoolTx0(),
    OtherMix(),
    MixPossible(),
    Stonewall(),
    PayJoin(),
)
