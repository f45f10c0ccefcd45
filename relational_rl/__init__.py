"""The relational deep reinforcement learning agent, for any Gymnasium environment.

Zambaldi et al. 2018, "Relational Deep Reinforcement Learning" (arXiv:1806.01830): self-attention
over the entities of a scene, inside an IMPALA agent (Espeholt et al. 2018, arXiv:1802.01561).

    import relational_rl as rrl

    run = rrl.train(rrl.Experiment(env="my_package:MyGame-v0"), run_dir="runs/mine", frames=200_000)
    agent = rrl.load("runs/mine")
    action, state = agent.predict(observation)

The packages, each of which explains its own parts:

    config        what defines an experiment
    observations  what an agent needs to know of an environment
    math, nn      pure functions; parts of networks
    kernels       the network once more, fused, for processors
    agents        networks that act
    acting        actors, their loop, and where they run
    data          where batches come from
    learners      learning rules
    run           training: the loop, its hooks, the run directory
    playing       whole episodes, level by level
    pretrained    agents that ship with the library

Symbols, the same everywhere: T unroll length, B batch, A actions, N entities, H heads,
D head size, F features of an entity.

Importing this package is cheap: TensorFlow is imported when an agent is made.
"""

import importlib
from typing import TYPE_CHECKING, Any

from relational_rl.version import __version__

if TYPE_CHECKING:
    from relational_rl.api import TrainingRun as TrainingRun
    from relational_rl.api import load as load
    from relational_rl.api import train as train
    from relational_rl.config import (
        LSTM as LSTM,
    )
    from relational_rl.config import (
        Adam as Adam,
    )
    from relational_rl.config import (
        Cells as Cells,
    )
    from relational_rl.config import (
        Cloning as Cloning,
    )
    from relational_rl.config import (
        Control as Control,
    )
    from relational_rl.config import (
        ConvLSTM as ConvLSTM,
    )
    from relational_rl.config import (
        Convolutions as Convolutions,
    )
    from relational_rl.config import (
        Curriculum as Curriculum,
    )
    from relational_rl.config import (
        EnvSpec as EnvSpec,
    )
    from relational_rl.config import (
        Experiment as Experiment,
    )
    from relational_rl.config import (
        Mixed as Mixed,
    )
    from relational_rl.config import (
        Objects as Objects,
    )
    from relational_rl.config import (
        Online as Online,
    )
    from relational_rl.config import (
        Patch as Patch,
    )
    from relational_rl.config import (
        Random as Random,
    )
    from relational_rl.config import (
        References as References,
    )
    from relational_rl.config import (
        Relational as Relational,
    )
    from relational_rl.config import (
        RMSProp as RMSProp,
    )
    from relational_rl.config import (
        Run as Run,
    )
    from relational_rl.config import (
        SpatialControl as SpatialControl,
    )
    from relational_rl.config import (
        SpatialRelational as SpatialRelational,
    )
    from relational_rl.config import (
        StopAt as StopAt,
    )
    from relational_rl.config import (
        VTrace as VTrace,
    )
    from relational_rl.run.hooks import Hook as Hook
    from relational_rl.trained import TrainedAgent as TrainedAgent

_HOMES = {
    "relational_rl.api": ("TrainingRun", "load", "train"),
    "relational_rl.config": (
        "LSTM", "Adam", "Cells", "Cloning", "Control", "ConvLSTM", "Convolutions", "Curriculum",
        "EnvSpec", "Experiment", "Mixed", "Objects", "Online", "Patch", "RMSProp", "Random",
        "References", "Relational", "Run", "SpatialControl", "SpatialRelational", "StopAt",
        "VTrace",
    ),
    "relational_rl.run.hooks": ("Hook",),
    "relational_rl.trained": ("TrainedAgent",),
}  # fmt: skip
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "__version__",
    *_HOME,
]


def __getattr__(name: str) -> Any:
    """Imports a public name from where it is defined, at its first use."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(importlib.import_module(_HOME[name]), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("relational_rl"):
            raise
        raise ModuleNotFoundError(
            f"relational_rl.{name} needs {error.name}: pip install 'relational-deep-rl[train]'",
            name=error.name,
        ) from error


def __dir__() -> list[str]:
    """Returns the public names."""
    return sorted(__all__)
