"""Published labels of real transactions, in a form the engine's own rules can be run on."""
