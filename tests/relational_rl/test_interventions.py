"""Interventions change what they say, and nothing else."""

import numpy as np
import pytest

import boxworld
import relational_rl as rrl
from boxworld.cells import FLOOR
from boxworld.rendering import pixel_table
from relational_rl.config import replace
from relational_rl.errors import UsageError
from relational_rl.interventions import (
    CutEdges,
    DropEntity,
    DropFromPool,
    FreezeReference,
    Intervention,
    KnockOut,
    Patch,
    Uniform,
)

CLOSE = {"rtol": 0, "atol": 2e-5}


@pytest.fixture(scope="module")
def agent():
    return rrl.load("boxworld")


@pytest.fixture(scope="module")
def images():
    """Two scenes of one level: the agent steps aside between them."""
    env = boxworld.BoxWorldEnv()
    first, _ = env.reset(options={"level_seed": 19})
    images = [first.copy()]
    for action in range(4):
        moved, *_ = env.step(action)
        if (moved != first).any():
            images.append(moved.copy())
            break
    return np.stack(images)


@pytest.fixture(scope="module")
def plain(agent, images):
    return agent.look(images)


def mask_of(*cells):
    mask = np.zeros(14 * 14, bool)
    mask[list(cells)] = True
    return mask


def alone(image):
    """Returns the cell of an object that has nothing around it: the loose key."""
    floor = pixel_table("rgb", 20)[FLOOR]
    occupied = (image != floor).any(axis=-1)
    for row, column in np.argwhere(occupied[1:-1, 1:-1]) + 1:
        if occupied[row - 1 : row + 2, column - 1 : column + 2].sum() == 1:
            return int(row * 14 + column)
    raise AssertionError("nothing is alone")


def test_without_interventions_it_is_the_same_pass(agent, images, plain):
    packed, _ = agent.agent.act({"image": images}, (), np.zeros((2, 1)))
    np.testing.assert_allclose(plain.policy_logits, packed.policy_logits, **CLOSE)
    np.testing.assert_allclose(plain.value, packed.baseline, **CLOSE)
    names = {name for name in plain.values if name.startswith("block2/")}
    assert names == {
        f"block2/{n}" for n in ("product", "bias", "logits", "weights", "values", "output")
    }
    weights = plain.values["block1/weights"]
    assert weights.shape == (2, 2, *plain.values["present"].shape[1:] * 2)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)


def test_a_head_is_knocked_out(agent, images, plain):
    values = plain.values["block1/values"]
    present = plain.values["present"]
    means = [values[b, present[b], 1].mean(0) for b in range(2)]
    for by, instead in (
        ("zero", np.zeros_like(values[:, :, 1])),
        ("mean", np.broadcast_to(np.stack(means)[:, None], values[:, :, 1].shape)),
        ("resample", values[::-1, :, 1]),
    ):
        cut = agent.look(images, [KnockOut(1, 2, by)])
        np.testing.assert_allclose(cut.values["block1/values"][:, :, 1], instead, **CLOSE)
        np.testing.assert_array_equal(cut.values["block1/values"][:, :, 0], values[:, :, 0])
        np.testing.assert_array_equal(cut.values["block1/weights"], plain.values["block1/weights"])
        assert np.abs(cut.policy_logits - plain.policy_logits).max() > 0.01
    both = agent.look(images, [KnockOut(2)])
    assert not both.values["block2/values"].any()
    assert both.values["block1/values"].any()


def test_a_head_attends_to_all_alike(agent, images):
    cut = agent.look(images, [Uniform(2, 1)])
    present = cut.values["present"]
    even = present / present.sum(-1, keepdims=True)
    weights = cut.values["block2/weights"]
    np.testing.assert_allclose(
        weights[:, 0], np.broadcast_to(even[:, None], weights[:, 0].shape), rtol=1e-6
    )
    assert np.abs(weights[:, 1] - even[:, None]).max() > 0.1


def test_edges_are_cut(agent, images, plain):
    cells, present = plain.values["cells"][0], plain.values["present"][0]
    source, target = cells[present][2], cells[present][5]
    cut = agent.look(images[:1], [CutEdges(mask_of(source), mask_of(target), block=1)])
    before, after = plain.values["block1/weights"][0], cut.values["block1/weights"][0]
    assert not after[:, 2, 5].any()
    rest = np.delete(before[:, 2], 5, axis=-1)
    np.testing.assert_allclose(
        np.delete(after[:, 2], 5, axis=-1), rest / rest.sum(-1, keepdims=True), **CLOSE
    )
    np.testing.assert_allclose(np.delete(after, 2, axis=1), np.delete(before, 2, axis=1), **CLOSE)
    everything = np.ones(14 * 14, bool)
    alone = agent.look(images[:1], [CutEdges(mask_of(source), everything, head=2)])
    for block in ("block1", "block2"):
        assert not alone.values[f"{block}/values"][0, 2, 1].any()
        assert alone.values[f"{block}/values"][0, 2, 0].any()


def test_an_entity_is_dropped_as_if_it_had_not_been_there(agent, images):
    image = images[0]
    cell = alone(image)
    without = image.copy()
    without[cell // 14, cell % 14] = pixel_table("rgb", 20)[FLOOR]
    cut = agent.look(image, [DropEntity(mask_of(cell))])
    other = agent.look(without)
    np.testing.assert_allclose(cut.policy_logits, other.policy_logits, **CLOSE)
    assert np.abs(cut.policy_logits - agent.look(image).policy_logits).max() > 0.01
    # By a function of the observations, too.
    found = agent.look(image, [DropEntity(lambda seen: mask_of(cell)[None])])
    np.testing.assert_array_equal(found.policy_logits, cut.policy_logits)


def test_the_pooling_leaves_entities_out(agent, images, plain):
    cells, present = plain.values["cells"], plain.values["present"]
    keep = int(cells[0][present[0]][3])
    cut = agent.look(images[:1], [DropFromPool(~mask_of(keep))])
    assert cut.values["pooled"].sum() == 1
    np.testing.assert_allclose(
        cut.values["block2/output"], plain.values["block2/output"][:1], **CLOSE
    )
    assert np.abs(cut.policy_logits - plain.policy_logits[:1]).max() > 0.01


def test_references_are_frozen(agent, images, plain):
    cells, present = plain.values["cells"][0], plain.values["present"][0]
    entity = int(cells[present][4])
    nothing = agent.look(images[:1], [FreezeReference()])
    assert not nothing.values["references"].any()
    held = agent.look(images[:1], [FreezeReference(1, mask_of(entity))])
    assert held.values["references"][0, :, 0].argmax() == 4
    np.testing.assert_allclose(
        held.values["references"][0, :, 1:], plain.values["references"][0, :, 1:], **CLOSE
    )


def test_a_patch_brings_the_other_scene(agent, images, plain):
    one = images[:1]
    values = plain.values["block2/output"][1:]
    pooled = np.array_equal(plain.values["present"][0], plain.values["present"][1])
    assert pooled and np.abs(plain.policy_logits[0] - plain.policy_logits[1]).max() > 0.01
    patched = agent.look(one, [Patch("block2/output", values)])
    np.testing.assert_allclose(patched.policy_logits, plain.policy_logits[1:], **CLOSE)
    place = int(plain.values["cells"][0][plain.values["present"][0]][2])
    part = agent.look(one, [Patch("block1/output", values, mask_of(place))]).values["block1/output"]
    np.testing.assert_array_equal(part[0, 2], values[0, 2])
    np.testing.assert_allclose(part[0, 3:], plain.values["block1/output"][0, 3:], **CLOSE)


def test_an_agent_under_interventions_predicts(agent, images, plain):
    cut = agent.intervened([KnockOut(1), KnockOut(2)])
    actions, state = cut.predict(images, deterministic=True)
    assert state is None
    looked = agent.look(images, [KnockOut(1), KnockOut(2)])
    np.testing.assert_array_equal(actions, looked.policy_logits.argmax(-1))
    again, _ = agent.predict(images, deterministic=True)  # the agent itself is what it was
    np.testing.assert_array_equal(again, plain.policy_logits.argmax(-1))


class Louder(Intervention):
    """One of a user's own."""

    def apply(self, name, value, scene):
        return value * 2.0 if name == "entities" else value


def test_an_intervention_of_a_users_own(agent, images, plain):
    louder = agent.look(images, [Louder()])
    np.testing.assert_array_equal(louder.values["entities"], 2 * plain.values["entities"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: KnockOut(1, 1, "luck"), "by must be zero, mean or resample, got 'luck'"),
        (lambda: KnockOut(3), r"block must be in \[1, 2\], got 3"),
        (lambda: Uniform(1, 5), r"head or reference must be in \[1, 2\], got 5"),
        (lambda: "head 1", "must be of class Intervention, got 'head 1'"),
    ],
)
def test_what_does_not_fit_is_named(agent, images, wrong, message):
    with pytest.raises(ValueError, match=message):
        agent.look(images, [wrong()])


def test_an_agent_without_attention_is_refused(agent):
    control = replace(agent.experiment, {"agent": "control"})
    with pytest.raises(UsageError, match="interventions need an agent with attention"):
        rrl.TrainedAgent(
            control.agent.build(agent.spec), control, agent.spec, 0, 0.0, 0
        ).intervened([])
