"""Seized wallets: public descriptors and keys into addresses, addresses out of text dumps, and secrets refused."""
