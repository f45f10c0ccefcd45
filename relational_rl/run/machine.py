"""What makes the numbers of a run: the commit, the versions and the class of machine."""

import os
import platform
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from relational_rl.version import __version__

PACKAGES = ("tensorflow", "dm-sonnet", "numpy", "numba", "gymnasium")
# Sets of vector instructions, the widest first, as LLVM calls them.
_VECTORS = (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("avx", "AVX"), ("neon", "NEON"))


def describe_machine() -> dict[str, object]:
    """Returns what makes the numbers of a run: commit, versions and the class of machine."""
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "version": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "machine": machine_class(),
        "commit": source_commit(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def machine_class() -> str:
    """Returns the kind of this machine, e.g. "x86_64 with AVX-512, 2 cores"; no name of it."""
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    vectors = next((name for feature, name in _VECTORS if features.get(feature)), "no vectors")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{platform.machine()} with {vectors}, {cores} cores"


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


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
