"""What the player owns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Bank:
    """What the player owns and has gathered, in minerals and vespene gas."""

    minerals: int = 0
    vespene: int = 0
    collected_minerals: int = 0
    collected_vespene: int = 0
    spent_minerals: int = 0

    def spend(self, minerals: int) -> None:
        """Pays; a negative amount is paid back."""
        self.minerals -= minerals
        self.spent_minerals += minerals
