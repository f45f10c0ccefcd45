"""Offers the tiny runs to the tests of this folder."""

from tiny_runs import (
    control_run,
    finished_run,
    mini_game_run,
    tiny_agent,
    tiny_player,
    tiny_run,
)

__all__ = [
    "control_run",
    "finished_run",
    "mini_game_run",
    "tiny_agent",
    "tiny_player",
    "tiny_run",
]
