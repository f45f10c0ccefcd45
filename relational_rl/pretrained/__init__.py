"""The trained agents that ship with the library, a folder each; `relational-rl export` makes one.

variables.npz   every variable of the agent by its path of attributes, no optimiser
config.json     the configuration of its run
agent.json      its `Card`: how, where and when it was trained, and what it can do
"""

import dataclasses
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from relational_rl.config import to_dict
from relational_rl.errors import UsageError
from relational_rl.files import write_atomically
from relational_rl.run.directory import CONFIG, read_experiment
from relational_rl.run.variables import kind_of, named_variables
from relational_rl.shipped import CARD, SHIPPED, names
from relational_rl.trained import TrainedAgent, untrained_agent

VARIABLES_FILE = "variables.npz"


@dataclasses.dataclass(frozen=True)
class Card:
    """What is said of an exported agent.

    Attributes:
      description: what the agent is and how far it was trained, in words.
      frames: transitions learned from.
      minutes: of training.
      stage: which stage of the curriculum was reached, 0 the first.
      ended: why the training was over, "" if it was not.
      seed: of the training.
      num_parameters: how many numbers were learned.
      command: trains such an agent.
      sessions: what the run says of the machine and the commit, once for each start.
      exported: when, UTC.
      evaluation: environment, levels and solved share, as the export measured them; None if it
        was not asked to.
      min_solved: the share of those levels that the agent must go on solving; None without one.
      sha256: of the file of variables.
      config_sha256: of the file of the configuration; "", which is not compared, in cards of before
        version 0.2.
    """

    description: str
    frames: int
    minutes: float
    stage: int
    ended: str
    seed: int
    num_parameters: int
    command: str
    sessions: list[dict[str, Any]]
    exported: str
    evaluation: dict[str, Any] | None
    min_solved: float | None
    sha256: str
    config_sha256: str = ""


def directory_of(name: str) -> Path:
    """Returns the folder of an agent: a shipped one's by its name, any by its path.

    Raises:
      UsageError: there is none; the message lists the names.
    """
    directory = Path(name)
    if len(directory.parts) == 1 and name not in (".", ".."):
        directory = SHIPPED / name
    if not (directory / CARD).is_file():
        known = ", ".join(names()) or "(none ships with this version)"
        raise UsageError(
            f"pretrained must be one of {known}, or the path of a folder that "
            f"relational-rl export wrote, got {name!r}"
        )
    return directory


def load_card(directory: Path) -> Card:
    """Returns what is said of the agent in a folder.

    Raises:
      UsageError: the card cannot be read.
    """
    path = directory / CARD
    try:
        return Card(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{path} is no card of an agent: {error}") from error


def load_pretrained(name: str) -> TrainedAgent:
    """Returns an agent that ships with the project, or one in a folder that an export wrote.

    Raises:
      UsageError: there is none of that name, a file is damaged, or the variables are not those
        of the agent that the config describes.
    """
    directory = directory_of(name)
    card = load_card(directory)
    if card.config_sha256:
        _read_intact(directory / CONFIG, card.config_sha256)
    config = read_experiment(directory)
    arrays = _read_arrays(directory / VARIABLES_FILE, card.sha256)
    agent, spec = untrained_agent(config, directory)
    variables = named_variables({"agent": agent})
    wanted = {name: kind_of(variable) for name, variable in variables.items()}
    given = {name: f"{array.dtype} {list(array.shape)}" for name, array in arrays.items()}
    for name in sorted(wanted.keys() | given.keys()):
        if wanted.get(name) != given.get(name):
            raise UsageError(
                f"{directory / VARIABLES_FILE} must hold the variables of its config: {name} "
                f"must be {wanted.get(name, 'absent')}, got {given.get(name, 'none')}"
            )
    for name, variable in variables.items():
        variable.assign(arrays[name])
    return TrainedAgent(agent, config, spec, card.frames, card.minutes, card.stage, card.ended)


def save_pretrained(trained: TrainedAgent, directory: Path, about: Mapping[str, Any]) -> Card:
    """Writes an agent into a folder, the card last.

    Args:
      trained: the agent.
      directory: made if it does not exist.
      about: the fields of the card that the agent itself cannot tell.

    Raises:
      UsageError: a variable is NaN or infinite.
      OSError: a file cannot be written.
    """
    variables = named_variables({"agent": trained.agent})
    arrays = {name: variable.numpy() for name, variable in variables.items()}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise UsageError(f"every variable must be finite, got NaN or infinity in {name}")
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    config = _json(to_dict(trained.experiment))
    card = Card(
        description=trained.description,
        frames=trained.frames,
        minutes=trained.minutes,
        stage=trained.stage,
        ended=trained.ended,
        seed=trained.experiment.run.seed,
        num_parameters=trained.agent.num_parameters(),
        sha256=_digest(content.getvalue()),
        config_sha256=_digest(config.encode()),
        **about,
    )
    directory.mkdir(parents=True, exist_ok=True)
    write_atomically(directory / VARIABLES_FILE, content.getvalue())
    write_atomically(directory / CONFIG, config)
    write_atomically(directory / CARD, _json(dataclasses.asdict(card)))
    return card


def _read_arrays(path: Path, sha256: str) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(_read_intact(path, sha256)), allow_pickle=False) as arrays:
        return dict(arrays)


def _read_intact(path: Path, sha256: str) -> bytes:
    """Returns what a file holds.

    Raises:
      UsageError: it cannot be read, or is not the one that the card is about.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if _digest(content) != sha256:
        raise UsageError(f"{path} is damaged: its checksum is not the one in {CARD}")
    return content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, allow_nan=False) + "\n"
