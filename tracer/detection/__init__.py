"""FINDINGS: typology rules judge payments (DESIGN section 6). No rule exists yet; who uses them has a `Detector`."""
