"""The seven StarCraft II mini-games of SC2LE as Gymnasium environments, through PySC2.

`import sc2_minigames` makes PySC2 4.0.0 work on today's Python (see `compatibility`). The game
itself is its user's to install; `python -m sc2_minigames.check` says what is missing.
"""

from sc2_minigames import compatibility

compatibility.install()
