"""FINDINGS: typology rules judge payments (DESIGN section 6). No rule exists yet; whoever uses findings has a `Detector`."""
