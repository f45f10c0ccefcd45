"""What is measured of attention: true relations, their thresholds, knock-outs, the report."""

import json

import numpy as np
import pytest
from PIL import Image

import relational_rl as rrl
from boxworld import BoxWorldEnv, generate_level, solve
from experiments import cli
from experiments.attention.measuring import needs, patching, probes, relations, selectivity
from experiments.attention.measuring.measure import Measured, untrained
from experiments.attention.measuring.report import FIGURE, NUMBERS, PAGE, write
from experiments.attention.measuring.states import play_states
from experiments.attention.scene import SceneReader
from experiments.games import fit
from relational_rl.errors import UsageError


@pytest.fixture(scope="module")
def trained():
    agent = rrl.load("boxworld")
    return fit(agent, agent.env)


@pytest.fixture(scope="module")
def states(trained):
    return play_states(trained, trained.env, range(30), 3)


@pytest.fixture(scope="module")
def fresh(trained):
    return untrained(trained, 1)


@pytest.fixture(scope="module")
def found(trained, states):
    return selectivity.measure(trained, states)


@pytest.fixture(scope="module")
def found_fresh(fresh, states):
    return selectivity.measure(fresh, states)


def scenes(level_seed):
    """Yields the scenes of a shortest solution of a level."""
    env = BoxWorldEnv()
    image, _ = env.reset(options={"level_seed": level_seed})
    reader = SceneReader(env.level, env.level_spec.num_colors, image.shape[-1])
    yield reader.read(image)
    for action in solve(env.level):
        image, _, terminated, _, _ = env.step(action)
        if not terminated:
            yield reader.read(image)


def test_the_next_target_goes_along_the_solution():
    names = []
    for scene in scenes(19):
        target = relations.next_target(scene)
        if target is not None and (not names or names[-1] != target.label):
            names.append(target.label)
    number = len(generate_level(BoxWorldEnv().level_spec, 19).solution)
    wanted = [f"{kind} {k}" for k in range(1, number + 1) for kind in ("key", "lock")]
    assert names == [*wanted, "gem"]


def test_pairs_are_what_the_rules_say():
    first = next(iter(scenes(19)))
    by_relation = {}
    for pair in relations.pairs(first):
        by_relation.setdefault(pair.relation, []).append(pair)
        assert pair.source not in pair.others
        assert not set(pair.targets) & set(pair.others)
    (walk,) = by_relation[relations.NEXT]
    assert [t.label for t in walk.targets] == ["key 1"]
    assert relations.HELD_TO_LOCKS not in by_relation
    for pair in by_relation[relations.KEY_TO_LOCKS]:
        assert {lock.color for lock in pair.targets} == {pair.source.color}
        assert all(lock.kind == "lock" for lock in pair.targets)
    for pair in by_relation[relations.LOCK_TO_CONTENT]:
        (content,) = pair.targets
        assert content.cell == pair.source.cell - 1
    assert len(by_relation[relations.TO_AGENT]) == len(first.things) - 1
    assert relations.lock_after_next(first).label == "lock 2"


def test_a_dead_end_has_no_next_target():
    for scene in scenes(19):
        held = scene.held
        if held is not None:
            wrong = held._replace(color=(held.color + 1) % 20)
            things = tuple(t for t in scene.things if t.kind != "lock")
            changed = type(scene)(scene.size, scene.codes, (things[0], wrong, *things[2:]))
            assert relations.next_target(changed) is None
            return
    raise AssertionError("no key was held")


def test_scores_are_auc_and_top_1():
    targets = np.array([[0.5], [0.2], [0.1]])
    others = np.array([[0.1, 0.2, 0.3], [0.2, 0.1, 0.3], [0.2, 0.3, 0.4]])
    auc, top = selectivity._scores(targets, others)
    np.testing.assert_allclose(auc, [1, 0.5, 0])
    np.testing.assert_array_equal(top, [1, 0, 0])


def test_training_makes_a_head_that_looks_where_the_agent_goes(found, found_fresh):
    learned = selectivity.best(found, relations.NEXT)
    assert learned.auc.value >= 0.99
    assert learned.top_1.value >= 0.97
    assert selectivity.best(found_fresh, relations.NEXT).auc.value <= 0.65


def test_keys_look_at_their_locks_before_training(found, found_fresh):
    for measured in (found, found_fresh):
        assert selectivity.best(measured, relations.KEY_TO_LOCKS).auc.value >= 0.99
    # The paper's head in which every object attends to the agent is not there.
    assert selectivity.best(found, relations.TO_AGENT).auc.value <= 0.7
    # Which of the locks of one colour is the path's has to be learned.
    assert selectivity.best(found, relations.HELD_TO_PATH).auc.value >= 0.95
    assert selectivity.best(found_fresh, relations.HELD_TO_PATH).auc.value <= 0.85


def test_probes_find_more_with_depth(trained, states):
    by_place = {(p.question, p.depth): p for p in probes.measure(trained, states)}
    (walk, plan) = probes.QUESTIONS
    assert by_place[walk, "block2/output"].right.value >= 0.95
    assert by_place[walk, "entities"].right.value < by_place[walk, "block1/output"].right.value
    for question in (walk, plan):
        probe = by_place[question, "block2/output"]
        assert probe.control.value < probe.chance + 0.25 < probe.right.value + 0.25


def test_the_news_of_a_colour_comes_with_a_head(trained, states):
    shares = {(p.block, p.head): p.share for p in patching.measure(trained, states)}
    assert len(shares) == 4
    assert max(share.value for share in shares.values()) > 0.5
    assert min(share.value for share in shares.values()) < 0.2


def test_without_the_references_nothing_is_solved(trained, monkeypatch):
    plan = list(needs.plan(2, 2, True))
    assert len(plan) == 1 + 3 * (4 + 6) + 4 + 1
    monkeypatch.setattr(needs, "plan", lambda *shape: [plan[0], plan[-1]])
    whole, without = needs.measure(trained, trained.env, range(12), 2, 2)
    assert (whole.without, without.without) == (needs.WHOLE, "references")
    assert whole.solved.value >= 0.9
    assert without.solved.value <= 0.1


def test_the_report_is_written(tmp_path, trained, states, found, found_fresh):
    solved = needs.share_of([True, False])
    every = [needs.Need(name, by, solved) for name, by, _ in needs.plan(2, 2, True)]
    probed = probes.measure(trained, states)
    measured = Measured(
        trained.description, "BoxWorld-v0", 30, len(states), found, [found_fresh], every, probed,
        probed, patching.measure(trained, states),
    )  # fmt: skip
    page = write(measured, tmp_path)
    assert (tmp_path / PAGE).read_text() == page
    for words in ("block 2 head 1", relations.NEXT, "references", "after block 2", "resample"):
        assert words in page
    numbers = json.loads((tmp_path / NUMBERS).read_text())
    assert len(numbers["trained"]) == len(found)
    assert numbers["needs"][0]["solved"] == {
        "successes": 1, "trials": 2, "low": solved.low, "high": solved.high
    }  # fmt: skip
    with Image.open(tmp_path / FIGURE) as picture:
        assert picture.size[0] > 1000


def test_what_the_command_cannot_do_is_said(tmp_path, capsys):
    out = f"--out={tmp_path}"
    assert cli.main(["attention", "measure", "--pretrained=boxworld", "--all_pairs", out]) == 1
    assert "draws no arrows" in capsys.readouterr().err
    assert cli.main(["attention", "--pretrained=boxworld", "--played=3", out]) == 1
    assert "--played is for `attention measure`" in capsys.readouterr().err
    other = "gymnasium:CartPole-v1"
    with pytest.raises(UsageError):
        play_states(rrl.load("boxworld"), rrl.EnvSpec(id=other), range(1), 1)
