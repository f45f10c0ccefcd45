"""A stand-in for StarCraft II: a server that speaks the game's protocol.

It exists so that everything built on PySC2 can be run and tested where the game is not installed.
It is no emulation; scores on it are scores on the stand-in, and are always labelled so.
"""
