"""The same verdict in the field shapes that integrators of other products already parse: one file each.

A projection never says more than the document: `unknown` is a null risk with an explicit status, never 0, low or an
empty list that reads like "nothing found". Each answer carries the screening it was made from under `tracer`.
"""
