"""What Zambaldi et al. 2018 (arXiv:1806.01830) tested on Box-World, and mini-game scores."""

from collections.abc import Mapping
from typing import Any, NamedTuple

TRAINED_ON = "boxworld:BoxWorld-WithheldTrain-v0"
WITHHELD = "boxworld:BoxWorld-WithheldTest-v0"


class Condition(NamedTuple):
    """One row of the table.

    Attributes:
      name: what is asked of the agent.
      env_id: where; None is what the run was trained for.
      relational: the published share of solved levels of the relational agent.
      control: likewise of the control agent.
    """

    name: str
    env_id: str | None
    relational: str
    control: str


CONDITIONS = (
    Condition("training distribution", None, "> 98 %", "< 75 %"),
    Condition("longer solution path, L = 6", "boxworld:BoxWorld-Path6-v0", "> 88 %", "5 %"),
    Condition("longer solution path, L = 8", "boxworld:BoxWorld-Path8-v0", "> 88 %", "0 %"),
    Condition("longer solution path, L = 10", "boxworld:BoxWorld-Path10-v0", "> 88 %", "0 %"),
    Condition("withheld key-lock pairs", WITHHELD, "97 %", "13 %"),
)


def withholds_pairs(env_id: str, env_kwargs: Mapping[str, Any]) -> bool:
    """Returns whether training in an environment never needs one of the withheld pairs."""
    named = env_id.endswith(TRAINED_ON.split(":")[1])
    return env_kwargs.get("withheld", "train" if named else None) == "train"


SOURCE = "Zambaldi et al. 2018 (arXiv:1806.01830), section 4"
_MAPS = (
    "MoveToBeacon",
    "CollectMineralShards",
    "FindAndDefeatZerglings",
    "DefeatRoaches",
    "DefeatZerglingsAndBanelings",
    "CollectMineralsAndGas",
    "BuildMarines",
)
# Mean scores as they are printed there, in the order of the maps; "-" is not reported.
_PUBLISHED = {
    "DeepMind human player": ("26", "133", "46", "41", "729", "6880", "138"),
    "StarCraft grandmaster": ("28", "177", "61", "215", "727", "7566", "133"),
    "random policy": ("1", "17", "4", "1", "23", "12", "<1"),
    "FullyConv LSTM": ("26", "104", "44", "98", "96", "3351", "6"),
    "PBT-A3C": ("-", "101", "50", "132", "125", "3345", "0"),
    "relational agent": ("27", "196", "62", "303", "736", "4906", "123"),
    "control agent": ("27", "187", "61", "295", "602", "5055", "120"),
}
RANDOM = "random policy"
SCRIPTED = "PySC2's scripted agent"


def published_scores(map_name: str) -> dict[str, str]:
    """Returns the published mean scores on StarCraft II by who played, as they are printed."""
    column = _MAPS.index(map_name)
    return {player: scores[column] for player, scores in _PUBLISHED.items()}
