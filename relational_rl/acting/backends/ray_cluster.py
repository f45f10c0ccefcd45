"""Getting at Ray: starting it on this machine, joining a cluster, what it has and what actors get.

Ray is started here as quietly as it can be: bound to loopback, without its dashboard, without a
word to its makers about its use, and without the workers' output on this terminal.
"""

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from relational_rl.config.backends import Ray
from relational_rl.errors import ConfigError, UsageError

_logger = logging.getLogger(__name__)
_CONNECT_TIMEOUT = 10.0  # seconds


def import_ray() -> ModuleType:
    """Imports Ray.

    Raises:
      UsageError: it is not installed.
    """
    # Before the import, which reads them.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        raise UsageError(
            f"backend=ray needs Ray (no module {error.name!r}): "
            "pip install 'relational-deep-rl[ray]'"
        ) from error
    return ray


@contextlib.contextmanager
def connected(address: str) -> Iterator[None]:
    """Connects this process to Ray, and disconnects in the end; a connection there is stays.

    Args:
      address: of a cluster; "" to start Ray on this machine, and to stop it in the end.

    Raises:
      UsageError: there is no cluster at the address.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield
        return
    with _signals_kept():
        _connect(ray, address)
    try:
        yield
    finally:
        with _signals_kept():
            ray.shutdown()


def _check_reachable(address: str) -> None:
    """Checks that something listens at host:port, for which Ray itself would wait many minutes.

    Raises:
      UsageError: nothing does.
    """
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not colon:
        return  # auto, or the name of a cluster
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _CONNECT_TIMEOUT):
            pass
    except (OSError, ValueError, OverflowError) as error:
        raise UsageError(
            f"cannot reach Ray at ray_address={address!r}: {error}; start it there with "
            "`ray start --head`"
        ) from error


def _connect(ray: ModuleType, address: str) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address:
            _check_reachable(address)
            ray.init(address=address, **quiet)
        else:
            with _on_loopback():
                ray.init(address="local", include_dashboard=False, **quiet)
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        reason = str(error).strip().partition("\n")[0]
        where = f"ray_address={address!r}" if address else "this machine"
        raise UsageError(f"cannot reach Ray on {where}: {reason}") from error


@contextlib.contextmanager
def _on_loopback() -> Iterator[None]:
    """Lets Ray listen on loopback alone, as it does by itself where it makes no clusters."""
    from ray._private import ray_constants

    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Keeps the handlers of signals, which Ray replaces by its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    handlers = {name: signal.getsignal(name) for name in names}
    try:
        yield
    finally:
        for name, handler in handlers.items():
            signal.signal(name, handler)


def actor_options(config: Ray, num_actors: int) -> dict[str, Any]:
    """Returns what Ray is asked for with each actor.

    Raises:
      ConfigError: an actor needs more of a resource than all of Ray has.
    """
    ray = import_ray()
    there = ray.cluster_resources()
    cpus = config.cpus_per_actor
    if cpus is None:
        cpus = min(1.0, there.get("CPU", 1.0) / num_actors)
        cpus = max(int(cpus * 1000), 1) / 1000  # Ray counts in units of 0.0001
    for name, wanted in {"CPU": cpus, **config.resources}.items():
        if wanted > there.get(name, 0.0):
            value = "cpus_per_actor" if name == "CPU" else f"resources[{name!r}]"
            raise ConfigError(
                f"source.backend.{value} must be at most {there.get(name, 0.0):g}, which is all "
                f"that Ray has, got {wanted:g}"
            )
    if cpus * num_actors > there.get("CPU", 0.0):
        _logger.warning(
            "Ray has %g processors for %d actors of %g each: the others wait until it has more",
            there.get("CPU", 0.0),
            num_actors,
            cpus,
        )
    # What is lost is replaced here, with a seed of its own.
    return {
        "num_cpus": cpus,
        "resources": dict(config.resources),
        "max_restarts": 0,
        "max_task_retries": 0,
        "max_concurrency": 1,
    }
