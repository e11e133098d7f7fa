"""Mix detectors in the order they are asked: the first that fits names the kind.

A new detector is one new file and one line here.
"""

from __future__ import annotations

from rules.mixers.equal_output import EqualOutput
from rules.mixers.joinmarket import JoinMarket
from rules.mixers.wasabi1 import Wasabi1
from rules.mixers.wasabi2 import Wasabi2
from rules.mixers.whirlpool import Whirlpool
from tracer.clustering.rules import MixDetector

DETECTORS: tuple[MixDetector, ...] = (Whirlpool(), Wasabi2(), Wasabi1(), JoinMarket(), EqualOutput())
