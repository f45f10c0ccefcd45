"""The names of the agents that ship with the library."""

from pathlib import Path

SHIPPED = Path(__file__).parent / "pretrained"
CARD = "agent.json"


def names() -> list[str]:
    """Returns the names of the agents that ship with the library."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{CARD}"))
