"""How chains write addresses: one module per codec or family, `registry` as the door."""
