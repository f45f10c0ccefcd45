"""Actors as threads: the queue, the stop, the failures."""

import threading
import time

import pytest

from relational_rl.acting.backends import LocalBackend
from relational_rl.acting.guard import Watch
from relational_rl.errors import ActorError, ConfigError

SOON = 10.0  # seconds within which anything here happens, on the slowest machine


class FakeActor:
    """Notes what it is told; its unrolls are (index, number, version, stage)."""

    def __init__(self, index=0, fail_at=None):
        self.index = index
        self.fail_at = fail_at
        self.told = []
        self.number = 0
        self.is_closed = False
        self.watch = Watch()

    def set_stage(self, stage, env_kwargs):
        self.told.append(("stage", stage, env_kwargs))
        self.stage = stage

    def set_parameters(self, parameters, version):
        self.told.append(("parameters", parameters, version))
        self.version = version

    def unroll(self):
        if self.number == self.fail_at:
            raise ZeroDivisionError("the reactor is out of neutrons")
        self.told.append(("unroll",))
        self.number += 1
        return (self.index, self.number - 1, self.version, self.stage)

    def take_seconds(self):
        return {"environment": 0.0}

    def close(self):
        self.is_closed = True


class Description:
    """Stands for an actor's description: makes an actor that is there already."""

    def __init__(self, index, actor):
        self.index = index
        self._actor = actor

    def build(self):
        if isinstance(self._actor, Exception):
            raise self._actor
        return self._actor


def until(condition):
    """Waits until a condition holds."""
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def make_backend():
    """Makes started backends and stops them in the end."""
    backends = []

    def make(*actors, queue_size=1):
        descriptions = [Description(index, actor) for index, actor in enumerate(actors)]
        backend = LocalBackend(descriptions, queue_size)
        backend.publish(["first"], 0)
        backend.set_stage(0, {"size": 1})
        backend.start()
        backends.append(backend)
        return backend

    yield make
    for backend in backends:
        backend.stop()


@pytest.mark.parametrize("queue_size", [1, 3])
def test_an_actor_that_is_ahead_waits(make_backend, queue_size):
    actor = FakeActor()
    backend = make_backend(actor, queue_size=queue_size)
    for taken in range(3):
        until(lambda taken=taken: actor.number == queue_size + taken)
        time.sleep(0.15)
        assert actor.number == queue_size + taken
        assert backend.get(SOON)[1] == taken


def test_parameters_and_stage_are_taken_before_the_next_unroll(make_backend):
    actor = FakeActor()
    backend = make_backend(actor)
    assert backend.get(SOON)[2:] == (0, 0)
    until(lambda: actor.number == 2)  # made with what was known then
    backend.publish(["second"], 7)
    backend.set_stage(1, {"size": 2})
    assert backend.get(SOON)[2:] == (0, 0)
    assert backend.get(SOON)[2:] == (7, 1)
    last_unroll = len(actor.told) - 1 - actor.told[::-1].index(("unroll",))
    assert actor.told[last_unroll - 2 : last_unroll] == [
        ("stage", 1, {"size": 2}),
        ("parameters", ["second"], 7),
    ]


def test_every_actor_is_heard(make_backend):
    actors = [FakeActor(index) for index in range(3)]
    backend = make_backend(*actors, queue_size=3)
    heard = set()
    until(lambda: heard.add(backend.get(SOON)[0]) or len(heard) == 3)
    assert heard == {0, 1, 2}


def test_get_gives_up_after_its_time(make_backend):
    blocked = threading.Event()
    actor = FakeActor()
    actor.unroll = lambda: blocked.wait(SOON)
    backend = make_backend(actor)
    started = time.monotonic()
    assert backend.get(0.05) is None
    assert time.monotonic() - started < SOON / 2
    blocked.set()


def test_stops_while_an_actor_waits_for_room(make_backend):
    actor = FakeActor()
    backend = make_backend(actor, queue_size=2)
    until(lambda: actor.number == 2)
    started = time.monotonic()
    backend.stop()
    assert time.monotonic() - started < SOON / 2
    assert actor.is_closed
    assert actor.number == 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("actor-")]
    backend.stop()  # a second time is no error


def test_stops_before_it_was_started():
    LocalBackend([Description(i, FakeActor()) for i in range(2)], queue_size=2).stop()


def test_an_exception_arrives_with_its_traceback(make_backend):
    actor = FakeActor(fail_at=1)
    backend = make_backend(actor)
    assert backend.get(SOON)[1] == 0
    with pytest.raises(ActorError) as info:
        until(lambda: backend.get(0.1))
    text = str(info.value)
    assert text.startswith("actor 0 failed:\nTraceback (most recent call last):")
    assert "in unroll" in text
    assert text.rstrip().endswith("ZeroDivisionError: the reactor is out of neutrons")
    until(lambda: actor.is_closed)


def test_a_failure_is_not_hidden_by_actors_that_go_on(make_backend):
    healthy, failing = FakeActor(0), FakeActor(1, fail_at=3)
    backend = make_backend(healthy, failing, queue_size=4)
    taken = []
    with pytest.raises(ActorError, match="actor 1 failed"):
        while len(taken) < 1000:
            taken.append(backend.get(SOON))
            time.sleep(0.002)  # the healthy one never lets the queue run empty


def test_an_actor_that_cannot_be_made_is_a_failure():
    for error, message in (
        (OSError("no room for actor 0"), "Traceback(.|\n)*OSError: no room for actor 0"),
        (ConfigError("env must be a game"), "^actor 0 failed: env must be a game$"),
    ):
        backend = LocalBackend([Description(0, error)], queue_size=1)
        backend.start()
        with pytest.raises(ActorError, match=message):
            until(lambda backend=backend: backend.get(0.1))
        backend.stop()
