"""Actors as processes of Ray on this machine, bound to loopback: what is asked of them, and kills.

One Ray for all tests, made by the backend's own means.
"""

import contextlib
import logging
import os
import signal
import sys
import time

import psutil
import pytest
from faulty import describe
from flat import flat

from relational_rl.acting.backends import ray_cluster
from relational_rl.acting.backends.ray import RayBackend
from relational_rl.config import EnvSpec, Ray, replace
from relational_rl.errors import ActorError, ConfigError, UsageError
from relational_rl.run.hooks import Hook, Rows
from relational_rl.run.trainer import Trainer

ray = pytest.importorskip("ray")
SOON = 60.0  # seconds within which anything here happens, on the slowest machine


@pytest.fixture(scope="module", autouse=True)
def here():
    """Ray on this machine; the handlers of signals before and after."""
    handlers = [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)]
    with ray_cluster.connected(""):
        yield handlers
    assert not ray.is_initialized()


@pytest.fixture
def make_backend():
    """Makes started backends of such descriptions, and stops them in the end."""
    backends = []

    def make(*descriptions, room=None, stage=(0, {}), **settings):
        settings = {"cpus_per_actor": 0.0, **settings}
        backend = RayBackend(descriptions, room or len(descriptions), Ray(**settings))
        backends.append(backend)
        backend.publish([], 0)
        backend.set_stage(*stage)
        backend.start()
        return backend

    yield make
    for backend in backends:
        backend.stop()


def take(backend, count=1):
    """Returns the next unrolls."""
    unrolls, deadline = [], time.monotonic() + SOON
    while len(unrolls) < count:
        assert time.monotonic() < deadline
        unroll = backend.get(1.0)
        unrolls += [] if unroll is None else [unroll]
    return unrolls


def maker(unroll):
    """Returns the number of the process that made an unroll, and what its seed drew."""
    return int(unroll.observations["vector"][0, 0, 0]), unroll.observations["vector"][0, 0, 1]


def test_ray_listens_on_loopback_alone_and_leaves_the_signals(here):
    this = psutil.Process()
    listening = [
        (process.name(), connection.laddr.ip)
        for process in (this, *this.children(recursive=True))
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    ours = [entry for entry in listening if "ray" in entry[0] or "gcs" in entry[0]]
    assert len(ours) >= 3
    assert {ip.removeprefix("::ffff:") for _, ip in listening} == {"127.0.0.1"}
    assert here == [signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)]


def test_every_actor_is_asked_once_at_a_time_and_each_version_is_stored_once(
    make_backend, monkeypatch
):
    stored = []
    put = ray.put
    monkeypatch.setattr(ray, "put", lambda value: stored.append(value) or put(value))
    backend = make_backend(*[describe(index=i, seed=i) for i in range(2)])
    assert len(stored) == 1
    seen = take(backend, 2)
    while len({maker(unroll) for unroll in seen}) < 2:  # until both have started
        seen += take(backend)
    for unroll in seen:  # arrays of our own, as those of a thread are
        unroll.rewards[:] = 0.0
    # Asked again as soon as one was taken, with what was known then; not before.
    backend.publish([], 1)
    backend.set_stage(1, {"step_seconds": 0.001})
    told_of = {}
    while min((len(told) for told in told_of.values()), default=0) < 2 or len(told_of) < 2:
        (unroll,) = take(backend)
        told_of.setdefault(maker(unroll)[0], []).append((unroll.version, unroll.stage))
    for told in told_of.values():
        assert told == [(0, 0)] + [(1, 1)] * (len(told) - 1)
    assert len(stored) == 2
    told = backend.metrics()
    assert told["actors_replaced"] == 0
    assert 0 < told["acting_environment"] < 1
    assert told["acting_transfer"] > 0
    assert backend.get(0.0) is None or len(backend._running) == 2


def test_an_actor_that_is_killed_comes_back_with_a_fresh_seed(make_backend, caplog):
    backend = make_backend(describe(), max_restarts=1)
    first, draw = maker(take(backend)[0])
    with caplog.at_level(logging.WARNING):
        os.kill(first, signal.SIGKILL)
        makers = {maker(unroll) for unroll in take(backend, 3)} - {(first, draw)}
    assert len(makers) == 1
    second, other = makers.pop()
    assert second != first
    assert other != draw
    assert backend.metrics()["actors_replaced"] == 1
    lost = [text for text in caplog.messages if "is replaced" in text]
    assert len(lost) == 1
    assert lost[0].startswith("actor 0 is replaced (1 of 1 within an hour): ActorDiedError")
    os.kill(second, signal.SIGKILL)
    with pytest.raises(ActorError, match=r"^actor 0 failed 2 times within an hour"):
        take(backend, 3)


FAULTS = {
    "die": "ActorDiedError",
    "raise": r"environment 'faulty:make' raised ZeroDivisionError in step 3: the (.|\n)*in _raise",
    "hang": r"step 3 of environment .* has taken more than 0.5 s; it is here:(.|\n)*in _hang",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_environment_is_named(make_backend, fault):
    backend = make_backend(
        describe(), stage=(0, {"fault": fault}), step_timeout=0.5, max_restarts=0
    )
    with pytest.raises(ActorError) as info:
        take(backend, 2)
    assert info.match(r"^actor 0 failed \(source.backend.max_restarts=0\): ")
    assert info.match(FAULTS[fault])


def test_an_environment_that_cannot_be_made_is_one_line(make_backend):
    backend = make_backend(describe(), stage=(0, {"fault": "broken"}))
    with pytest.raises(
        ActorError, match=r"^actor 0 failed: env='faulty:make' with .* OSError: the cable is out$"
    ):
        take(backend)


def test_what_an_actor_gets_of_the_machine(caplog):
    cpus = ray.cluster_resources()["CPU"]
    assert ray_cluster.actor_options(Ray(), 1)["num_cpus"] == 1
    share = ray_cluster.actor_options(Ray(), 640)["num_cpus"]
    assert 640 * share <= cpus
    assert 640 * share > 0.5 * cpus
    assert not caplog.messages
    assert ray_cluster.actor_options(Ray(cpus_per_actor=0.5), 640)["num_cpus"] == 0.5
    assert caplog.messages[0].endswith(
        "for 640 actors of 0.5 each: the others wait until it has more"
    )
    for values, message in (
        ({"cpus_per_actor": 1000}, r"^source.backend.cpus_per_actor must be at most \d+, which"),
        ({"resources": {"game": 1}}, r"^source.backend.resources\['game'\] must be at most 0, "),
    ):
        with pytest.raises(ConfigError, match=message):
            ray_cluster.actor_options(Ray(**values), 1)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nowhere:port"])
def test_an_address_where_nobody_listens_is_told_at_once(monkeypatch, address):
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    message = f"^cannot reach Ray at ray_address='{address}': "
    with pytest.raises(UsageError, match=message), ray_cluster.connected(address):
        pass


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"^backend=ray needs Ray .*relational-deep-rl\[ray\]"):
        RayBackend([describe()], 1, Ray())


TRAINING = replace(
    flat(
        stem="patch",
        entity_size=8,
        num_frequencies=4,
        entities="occupied",
        max_entities=20,
        num_heads=2,
        head_size=8,
        num_blocks=2,
        mlp=(12, 7),
        num_actors=3,
        envs_per_actor=4,
        batch_size=4,
        unroll_length=5,
        total_frames=10**9,
        metrics_seconds=0.0,
    ),
    {
        "env": EnvSpec(id="", make="faulty:make_colours"),
        "source.backend": Ray(cpus_per_actor=0.0),
    },
)


class Killer(Hook):
    """Kills all actors at once after the fifth update; notes what was learned and told."""

    def __init__(self):
        self.frames = 0
        self.rows = []
        self.memory = []

    def on_update(self, run, batch, metrics):
        self.frames += batch.num_frames
        if run.learner.num_updates == 5:
            for actor in actors_of_ray():
                self.memory.append(actor.memory_info().rss / 2**20)
                actor.kill()

    def on_metrics(self, run, row):
        self.rows.append(row)
        if row["actors_replaced"] == 3 and row["updates"] >= 15:
            run.stop("enough")


def actors_of_ray():
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it may end meanwhile
            found += [process] if "ray::RemoteActor" in " ".join(process.cmdline()) else []
    return found


def test_a_training_whose_actors_are_all_killed_goes_on(tmp_path, traced, caplog):
    hook = Killer()
    trainer = Trainer(TRAINING, tmp_path, hooks=[hook, Rows()])
    with caplog.at_level(logging.WARNING):
        assert trainer.run().reason == "enough"
    # Without TensorFlow: alone it takes 500 MB more.
    assert len(hook.memory) == 3
    assert max(hook.memory) < 250
    # What is counted is what was learned from; nothing of the lost ones is.
    assert trainer.frames == hook.frames
    assert [row["frames"] for row in hook.rows][-1] == hook.frames
    assert len([text for text in caplog.messages if "is replaced" in text]) == 3
    lags = [row["policy_lag"] for row in hook.rows]
    assert 0 <= min(lags) <= max(lags) <= 6  # three actors, each asked again at once
    deadline = time.monotonic() + SOON
    while actors_of_ray():
        assert time.monotonic() < deadline
        time.sleep(0.05)
