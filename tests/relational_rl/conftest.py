"""Registers the scripted game."""

import scripted

scripted.register()
