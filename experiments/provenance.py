"""Where the numbers of a run come from: the commit of the source, and the command that trains."""

import os
import shlex
import subprocess
from pathlib import Path

from experiments import configs
from relational_rl.config import Config, to_dict


def source_commit(source: Path = Path(__file__)) -> str | None:
    """Returns the git commit that a file of this project is of, "-dirty" appended if changed.

    None where that is unknown: without git, and where the file is not under version control (an
    installed copy, perhaps inside somebody else's repository).
    """
    # Without optional locks the question changes nothing, not even git's cache of file times.
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}

    def git(*arguments: str) -> str | None:
        result = subprocess.run(
            ["git", *arguments],
            cwd=source.parent,
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
        )
        return result.stdout.strip() if result.returncode == 0 else None

    try:
        if git("ls-files", "--error-unmatch", source.name) is None:
            return None
        return git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (OSError, subprocess.SubprocessError):
        return None


def launch_command(config: Config) -> str:
    """Returns a command that trains exactly this config: the nearest named one, and what differs.

    It is read off the config, not remembered, so that it holds after a named config has changed.
    """
    values = to_dict(config)
    differences = {}
    for name in configs.names():
        named = to_dict(configs.load(name))
        differences[name] = {key: values[key] for key in values if values[key] != named[key]}
    nearest = min(differences, key=lambda name: (len(differences[name]), name))
    words = ["python", "-m", "experiments.launch", f"--config={nearest}"]
    words += [f"--config.{key}={value}" for key, value in sorted(differences[nearest].items())]
    return shlex.join(words)
