"""Batches of environments: an environment's own, one after the other, or in a process each."""

import contextlib
import importlib
import multiprocessing
import signal
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gymnasium
from gymnasium.envs.registration import load_env_creator
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers import FilterObservation

from relational_rl.acting.wrappers import find_wrapper
from relational_rl.config import EnvSpec
from relational_rl.errors import ConfigError

# Workers are forked from a process that has loaded the environment's modules and nothing else: a
# fork of this one, with TensorFlow's threads in it, could hang, and a fresh start would load
# everything again for every environment.
_CONTEXT = "forkserver"


class MakeError(ConfigError):
    """An environment cannot be made; the message names it, its arguments and the reason."""


def make_vector_environment(
    env: EnvSpec,
    num_envs: int,
    kwargs: Mapping[str, Any] | None = None,
    autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
) -> VectorEnv:
    """Makes `num_envs` environments that are stepped together.

    Args:
      env: which environment, and how a batch of them is stepped.
      num_envs: how many.
      kwargs: arguments of each; None for those of `env`.
      autoreset_mode: NEXT_STEP for training; DISABLED for environments that are reset by hand.

    Raises:
      MakeError: it cannot be made, or not with this mode.
    """
    arguments = dict(env.kwargs if kwargs is None else kwargs)
    with _named(env, arguments):
        alone = env.make is None and not env.wrappers
        if env.vectorization == "auto" and alone and _is_native(env.id, arguments):
            if autoreset_mode != AutoresetMode.NEXT_STEP:
                arguments["autoreset_mode"] = autoreset_mode
            environment = gymnasium.make_vec(
                env.id.rpartition(":")[2],
                num_envs=num_envs,
                vectorization_mode="vector_entry_point",
                **arguments,
            )
        elif env.vectorization == "async":
            environment = _in_processes(env, num_envs, arguments, autoreset_mode)
        else:
            environment = SyncVectorEnv(
                [_maker(env, arguments)] * num_envs, autoreset_mode=autoreset_mode
            )
    mode = environment.metadata.get("autoreset_mode")
    if mode != autoreset_mode:
        environment.close()
        raise MakeError(
            f"the vector environment of {env.name} must reset in {autoreset_mode.name} mode, "
            f"got {mode}"
        )
    return environment


def make_environment(
    env: EnvSpec, kwargs: Mapping[str, Any] | None = None, render_mode: str | None = None
) -> gymnasium.Env:
    """Makes a single environment.

    Args:
      env: which environment.
      kwargs: its arguments; None for those of `env`.
      render_mode: as for `gymnasium.make`; None for none.

    Raises:
      MakeError: it cannot be made.
    """
    arguments = dict(env.kwargs if kwargs is None else kwargs)
    if render_mode is not None:
        arguments["render_mode"] = render_mode
    with _named(env, arguments):
        return _maker(env, arguments)()


def _is_native(env_id: str, arguments: Mapping[str, Any]) -> bool:
    """Whether an environment has a batch implementation of its own that takes these arguments.

    It takes all, unless what makes the batch has a function `can_play` that says otherwise.
    """
    module, _, name = env_id.rpartition(":")
    if module:
        importlib.import_module(module)
    make: Any = gymnasium.spec(name).vector_entry_point
    if isinstance(make, str):
        make = load_env_creator(make)
    return make is not None and getattr(make, "can_play", _always)(**arguments)


def _always(**arguments: Any) -> bool:
    return True


def _maker(env: EnvSpec, arguments: Mapping[str, Any]) -> Callable[[], gymnasium.Env]:
    """Returns what makes one environment."""
    factory, env_id, keys = env.factory(), env.id, env.observation_keys
    wrappers = [(find_wrapper(name), given) for name, given in env.wrappers]
    module, _, name = env_id.rpartition(":")

    def make() -> gymnasium.Env:
        if multiprocessing.parent_process() is not None:
            # Ctrl-C reaches all processes of a terminal; the main one decides what it means.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        if factory is not None:
            made = factory(**arguments)
        else:
            if module:
                importlib.import_module(module)
            made = gymnasium.make(name, disable_env_checker=True, **arguments)
        for wrapper, given in wrappers:
            made = wrapper(made, **given)
        # Entries that nobody uses need not be batched, copied or sent from process to process.
        space = made.observation_space
        known = space.spaces if isinstance(space, gymnasium.spaces.Dict) else {}
        if keys and set(keys) <= set(known):
            # A mask belongs to its set of objects, whether or not it is named.
            masks = {getattr(known[key], "mask_key", None) or f"{key}_mask" for key in keys}
            kept = [key for key in known if key in keys or key in masks]
            if len(kept) < len(known):
                made = FilterObservation(made, kept)
        return made

    return make


def _in_processes(
    env: EnvSpec, num_envs: int, arguments: Mapping[str, Any], autoreset_mode: AutoresetMode
) -> AsyncVectorEnv:
    """Makes a process for each environment."""
    # The maker is a function within a function, so it is sent to the workers as code: they do not
    # import this module, and TensorFlow with it.
    make = _maker(env, arguments)
    modules = [env.id.rpartition(":")[0]]
    if env.make is None:
        if modules[0]:
            importlib.import_module(modules[0])
        entry_point = gymnasium.spec(env.id.rpartition(":")[2]).entry_point
        modules.append(entry_point.partition(":")[0] if isinstance(entry_point, str) else "")
    multiprocessing.set_forkserver_preload([module for module in modules if module])
    with _no_main_module():
        try:
            return AsyncVectorEnv(
                [make] * num_envs, context=_CONTEXT, autoreset_mode=autoreset_mode
            )
        except (TypeError, ValueError) as error:
            is_custom = isinstance(error.__cause__, gymnasium.error.CustomSpaceError)
            if not is_custom and "shared memory" not in str(error):
                raise
            # No shared memory for spaces of a user's own, sequences and graphs.
            return AsyncVectorEnv(
                [make] * num_envs,
                context=_CONTEXT,
                autoreset_mode=autoreset_mode,
                shared_memory=False,
            )


@contextlib.contextmanager
def _named(env: EnvSpec, arguments: Mapping[str, Any]) -> Iterator[None]:
    """Turns whatever an environment raises while it is made into one error that names it."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        raise MakeError(
            f"env={env.name!r} with {arguments} cannot be made: {type(error).__name__}: {error}"
        ) from error


@contextlib.contextmanager
def _no_main_module() -> Iterator[None]:
    """Keeps new processes from importing the program that is running, which they do not need."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
