"""The seven StarCraft II mini-games of SC2LE as Gymnasium environments, through PySC2.

    import gymnasium, sc2_minigames
    env = gymnasium.make("SC2/MoveToBeacon-v0", game="standin")
    batch = gymnasium.make_vec(
        "SC2/MoveToBeacon-v0",
        game="standin",
        num_envs=256,
        vectorization_mode="vector_entry_point",
    )

`import sc2_minigames` makes PySC2 4.0.0 work on today's Python (see `compatibility`) and registers
`SC2/<map>-v0` for the seven maps. The game itself is its user's to install;
`python -m sc2_minigames.check` says what is missing. Without it the stand-in of this package can
be played, if it is asked for. A batch plays the stand-in as one compiled program (`world`).
"""

import gymnasium

from sc2_minigames import compatibility
from sc2_minigames.maps import MINI_GAMES

compatibility.install()

for _name in MINI_GAMES:
    gymnasium.register(
        id=f"SC2/{_name}-v0",
        entry_point="sc2_minigames.env:SC2MiniGameEnv",
        vector_entry_point="sc2_minigames.world.batch:make_batch",
        kwargs={"map_name": _name},
    )
