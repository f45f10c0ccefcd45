"""What environments do wrong is named as theirs, and the actor that it befell is replaced."""

import logging
import threading
import time

import faulty
import pytest
from faulty import describe

from relational_rl.acting.actor import Actor
from relational_rl.acting.backends import LocalBackend
from relational_rl.acting.backends.restarts import Restarts
from relational_rl.acting.backends.shares import Shares
from relational_rl.acting.guard import EnvironmentFailure, Watch
from relational_rl.errors import ActorError

SOON = 10.0
NAMED = {
    "raise": r"environment 'faulty:make' raised ZeroDivisionError in step 3: the reactor is out "
    r"of neutrons\nTraceback(.|\n)*in _raise(.|\n)*ZeroDivisionError",
    "exit": r"environment 'faulty:make' raised SystemExit in step 3: no more\nTraceback",
    "nan_reward": r"environment 'faulty:make' returned a reward that is not finite in step 3: nan "
    r"from environment 0 of 2$",
    "nan_observation": r"environment 'faulty:make' returned an observation that is not finite in "
    r"step 3: nan from environment 0 of 2$",
    "shape": r"environment 'faulty:make' raised ValueError in step 3: (.|\n)*Traceback",
}


@pytest.fixture
def answers():
    """Lets environments that hang answer in the end, and waits for their threads."""
    faulty.ANSWER.clear()
    yield
    faulty.ANSWER.set()
    for thread in threading.enumerate():
        if thread.name.startswith("actor-"):
            thread.join(SOON)
            assert not thread.is_alive()


def make_backend(*descriptions, room=1, **settings):
    backend = LocalBackend(descriptions, room, **settings)
    backend.publish([], 0)
    return backend


def start(backend, **env_kwargs):
    backend.set_stage(0, env_kwargs)
    backend.start()


def until_it_fails(backend):
    deadline = time.monotonic() + SOON
    while time.monotonic() < deadline:
        backend.get(0.05)


@pytest.mark.parametrize("fault", NAMED)
def test_a_fault_is_named_as_the_environments(fault):
    description = describe(length=5, fault=fault)
    actor = Actor(description, faulty.Dice())
    actor.set_parameters([], 0)
    actor.set_stage(0, description.env.kwargs)
    with pytest.raises(EnvironmentFailure, match=NAMED[fault]):
        actor.unroll()
    actor.close()


def test_a_fault_of_an_array_of_environments_is_found(monkeypatch):
    # A batch implementation of a user's own may return anything.
    actor = Actor(describe(), faulty.Dice())
    actor.set_parameters([], 0)
    actor.set_stage(0, {})
    step = actor._environment.env.step

    def short(actions):
        observations, rewards, *rest = step(actions)
        return observations, rewards[:1], *rest

    monkeypatch.setattr(actor._environment.env, "step", short)
    with pytest.raises(
        EnvironmentFailure,
        match=r"^environment 'faulty:make' must return a reward of the shape \(2,\) for 2 "
        r"environments, got \(1,\) in step 1$",
    ):
        actor.unroll()


def test_the_end_of_an_environments_process_is_told_as_such(monkeypatch):
    actor = Actor(describe(), faulty.Dice())
    actor.set_parameters([], 0)
    actor.set_stage(0, {})

    def ended(actions):
        raise EOFError

    monkeypatch.setattr(actor._environment.env, "step", ended)
    with pytest.raises(
        EnvironmentFailure,
        match=r"^environment 'faulty:make' has lost a process of its own in step 1 \(EOFError\)\n",
    ):
        actor.unroll()


def test_the_run_ends_with_the_environments_error():
    backend = make_backend(describe(length=5))
    start(backend, fault="nan_reward")
    with pytest.raises(
        ActorError,
        match=r"^actor 0 failed \(source.backend.max_restarts=0\): environment .* reward .* nan",
    ):
        until_it_fails(backend)
    backend.stop()


def test_an_environment_that_cannot_be_made_is_one_line():
    backend = make_backend(describe())
    start(backend, fault="broken")
    with pytest.raises(
        ActorError,
        match=r"^actor 0 failed: env='faulty:make' with \{'fault': 'broken'\} cannot be made: "
        r"OSError: the cable is out$",
    ):
        until_it_fails(backend)
    backend.stop()


def test_an_actor_is_replaced_so_often_and_not_oftener(caplog):
    backend = make_backend(describe(), max_restarts=2)
    start(backend, fault="raise")  # in the second unroll of two steps
    firsts = set()
    with caplog.at_level(logging.WARNING), pytest.raises(ActorError) as info:
        deadline = time.monotonic() + SOON
        while time.monotonic() < deadline:
            unroll = backend.get(0.05)
            if unroll is not None:
                firsts.add(unroll.observations["vector"][0, 0, 1])
    backend.stop()
    assert str(info.value).startswith("actor 0 failed 3 times within an hour (source.backend.max_")
    assert len(firsts) == 3  # each with a seed of its own
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "actor 0 is replaced (1 of 2 within an hour)",
        "actor 0 is replaced (2 of 2 within an hour)",
    ]
    assert backend.metrics()["actors_replaced"] == 2


def test_a_step_that_hangs_is_told_with_the_place_and_does_not_hold_the_stop(answers):
    backend = make_backend(describe(), step_timeout=0.2)
    start(backend, fault="hang")
    with pytest.raises(ActorError) as info:
        until_it_fails(backend)
    began = time.monotonic()
    backend.stop()
    assert time.monotonic() - began < SOON
    text = str(info.value)
    assert "step 3 of environment 'faulty:make' has taken more than 0.2 s; it is here:" in text
    assert "in _hang" in text


def test_another_actor_takes_the_place_of_one_that_hangs(answers):
    backend = make_backend(describe(index=0), step_timeout=0.2, max_restarts=1)
    start(backend, fault="hang")
    # One unroll of the first actor, one of the second, which has the room of the first.
    taken = []
    with pytest.raises(ActorError, match="2 times within an hour"):
        deadline = time.monotonic() + SOON
        while time.monotonic() < deadline:
            taken += [unroll for unroll in [backend.get(0.05)] if unroll is not None]
    backend.stop()
    assert len(taken) == 2


def test_what_takes_long_but_not_too_long_is_no_fault():
    watch = Watch()
    assert watch.overdue(0.0) is None
    with watch.during("a step"):
        assert watch.overdue(None) is None
        assert watch.overdue(60.0) is None
        time.sleep(0.01)
        assert "test_what_takes_long" in watch.overdue(0.001)
    assert watch.overdue(0.0) is None


def test_restarts_are_counted_within_an_hour():
    now = [0.0]
    restarts = Restarts(1, clock=lambda: now[0])
    first = restarts.replace(describe(seed=7), "lost")
    assert first.seed != 7
    restarts.replace(describe(index=1), "another one is counted by itself")
    with pytest.raises(ActorError, match=r"^actor 0 failed 2 times within an hour .*: lost$"):
        restarts.replace(first, "lost")
    now[0] = 3601.0
    assert restarts.replace(first, "lost").seed not in (7, first.seed)
    assert restarts.count == 3


def test_the_time_of_actors_is_shared_out():
    shares = Shares()
    assert all(value != value for value in shares.take().values())  # NaN: nothing is known
    shares.add({"environment": 1.0, "inference": 2.0, "waiting": 1.0}, 4.0)
    shares.add({"environment": 3.0, "transfer": 1.0}, 4.0)
    assert shares.take() == {
        "acting_environment": 0.5,
        "acting_inference": 0.25,
        "acting_transfer": 0.125,
        "acting_waiting": 0.125,
    }


def test_threads_tell_what_their_time_was_spent_on():
    backend = make_backend(describe(length=3, step_seconds=0.01))
    start(backend, step_seconds=0.01)
    for _ in range(3):
        assert backend.get(SOON) is not None
        time.sleep(0.15)
    told = backend.metrics()
    backend.stop()
    assert told["acting_environment"] > 0.1
    assert told["acting_waiting"] > 0.1
    assert told["acting_environment"] + told["acting_waiting"] < 1.0
