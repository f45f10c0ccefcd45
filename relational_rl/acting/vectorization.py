"""Batches of environments: an environment's own, one after the other, or in a process each.

All reset themselves in Gymnasium's NEXT_STEP mode (see `rollout.py`).
"""

import contextlib
import importlib
import multiprocessing
import signal
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, VectorEnv

# Workers are forked from a process that has loaded the environment's modules and nothing else: a
# fork of this one, with TensorFlow's threads in it, could hang, and a fresh start would load
# everything again for every environment.
_CONTEXT = "forkserver"


def make_vector_environment(
    env_id: str,
    num_envs: int,
    env_kwargs: Mapping[str, Any] | None = None,
    vectorization: str = "auto",
) -> VectorEnv:
    """Makes `num_envs` environments that reset themselves in NEXT_STEP mode.

    Args:
      env_id: a Gymnasium id, "module:Id" imports the module first.
      num_envs: how many.
      env_kwargs: arguments of each.
      vectorization: "auto" is the environment's own batch implementation where it is registered
        with one, otherwise "sync", single environments stepped one after the other in this
        process; "async" is a process for each.

    Raises:
      ValueError: the id is unknown, an argument is wrong, or the mode is not NEXT_STEP.
    """
    module, _, name = env_id.rpartition(":")
    arguments = dict(env_kwargs or {})
    try:
        if module:
            importlib.import_module(module)
        native = gymnasium.spec(name).vector_entry_point is not None
        environment: VectorEnv
        if vectorization == "async":
            environment = _in_processes(module, name, num_envs, arguments)
        else:
            environment = gymnasium.make_vec(
                name,
                num_envs=num_envs,
                vectorization_mode=(
                    "vector_entry_point" if native and vectorization == "auto" else "sync"
                ),
                **arguments,
            )
    except (gymnasium.error.Error, ImportError, TypeError) as error:
        raise ValueError(f"env_id={env_id!r} with {arguments}: {error}") from error
    mode = environment.metadata.get("autoreset_mode")
    if mode != AutoresetMode.NEXT_STEP:
        environment.close()
        raise ValueError(f"the vector environment must reset in NEXT_STEP mode, got {mode}")
    return environment


def _in_processes(
    module: str, name: str, num_envs: int, env_kwargs: Mapping[str, Any]
) -> AsyncVectorEnv:
    def make() -> gymnasium.Env:
        if multiprocessing.parent_process() is not None:
            # Ctrl-C reaches all processes of a terminal; the main one decides what it means.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        if module:
            importlib.import_module(module)
        return gymnasium.make(name, disable_env_checker=True, **env_kwargs)

    # `make` is a function within a function, so it is sent to the workers as code: they do not
    # import this module, and TensorFlow with it.
    entry_point = gymnasium.spec(name).entry_point
    modules = [module, entry_point.partition(":")[0] if isinstance(entry_point, str) else ""]
    multiprocessing.set_forkserver_preload([module for module in modules if module])
    with _no_main_module():
        return AsyncVectorEnv(
            [make] * num_envs, context=_CONTEXT, autoreset_mode=AutoresetMode.NEXT_STEP
        )


@contextlib.contextmanager
def _no_main_module() -> Iterator[None]:
    """Keeps new processes from importing the program that is running, which they do not need."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
