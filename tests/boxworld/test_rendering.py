"""What the board looks like, pixel by pixel."""

import builtins
import colorsys
import os
import pickle

import numpy as np
import pytest
from boxworld_reference import RGB, ReferenceGame
from gymnasium.error import DependencyNotInstalled

from boxworld import PALETTE, BoxWorldEnv, BoxWorldVectorEnv, Level, LevelSpec, generate_level
from boxworld.cells import AGENT, BORDER, DISTRACTOR, FLOOR, GEM, KEY, LOCK, NUM_CODES
from boxworld.rendering import pixel_table

LEVEL = Level.from_text("""
    @a...
    .....
    .bA..
    .....
    .*B.c
""")


def env_for(level, **knobs):
    env = BoxWorldEnv(solution_length=1, num_branches=0, room_size=level.room_size, **knobs)
    env.reset(options={"level": level})
    return env


def test_the_palette_is_the_papers():
    assert PALETTE.dtype == np.uint8
    assert [tuple(color) for color in PALETTE.tolist()] == RGB
    assert (PALETTE.min(), PALETTE.max()) == (89, 179)
    for number, color in enumerate(PALETTE.tolist()):
        assert max(color) == 179  # all of equal saturation and value
        assert min(color) == 89
        hue = colorsys.rgb_to_hsv(*color)[0]
        assert hue == pytest.approx(number / 20, abs=0.002)


def test_every_rgb_pixel():
    table = pixel_table("rgb")
    assert table.shape == (NUM_CODES, 3)
    assert table[FLOOR].tolist() == [204, 204, 204]
    assert table[BORDER].tolist() == [0, 0, 0]
    assert table[AGENT].tolist() == [128, 128, 128]
    assert table[GEM].tolist() == [255, 255, 255]
    for first in (KEY, LOCK, DISTRACTOR):  # key and lock share the colour, on the path or off it
        np.testing.assert_array_equal(table[first : first + 20], RGB)


def test_every_onehot_channel():
    observation = env_for(LEVEL, observation="onehot", num_colors=5).reset(
        options={"level": LEVEL}
    )[0]
    assert observation.shape == (7, 7, 4 + 2 * 5)
    assert observation.dtype == np.uint8
    np.testing.assert_array_equal(observation.sum(axis=-1), 1)
    floor, border, agent, gem = 0, 1, 2, 3
    key = dict(zip("abcde", range(4, 9), strict=True))
    lock = dict(zip("ABCDE", range(9, 14), strict=True))
    expected = np.full((7, 7), border)
    expected[1:-1, 1:-1] = floor
    expected[1, 1:3] = agent, key["a"]
    expected[3, 2:4] = key["b"], lock["A"]
    expected[5, 2:4] = gem, lock["B"]
    expected[5, 5] = key["c"]
    np.testing.assert_array_equal(observation.argmax(axis=-1), expected)


def test_the_held_key_is_onehot_too():
    env = env_for(LEVEL, observation="onehot")
    observation = env.step(3)[0]
    assert observation[0, 0].argmax() == 4
    assert observation[1, 1].argmax() == 0
    assert observation[1, 2].argmax() == 2
    np.testing.assert_array_equal(observation.sum(axis=-1), 1)


def test_onehot_and_rgb_show_the_same_game():
    spec = LevelSpec()
    color_of_channel = np.array(
        [(204, 204, 204), (0, 0, 0), (128, 128, 128), (255, 255, 255), *RGB, *RGB], np.uint8
    )
    rng = np.random.default_rng(0)
    for level_seed in range(20):
        level = generate_level(spec, level_seed)
        rgb, onehot = BoxWorldEnv(), BoxWorldEnv(observation="onehot")
        rgb.reset(options={"level": level})
        onehot.reset(options={"level": level})
        for action in rng.integers(0, 4, 60):
            seen, *rest, _ = rgb.step(action)
            channels, *same, _ = onehot.step(action)
            np.testing.assert_array_equal(seen, color_of_channel[channels.argmax(axis=-1)])
            assert rest == same
            if rest[1]:
                break


def test_an_unknown_observation_is_named():
    with pytest.raises(ValueError) as error:
        BoxWorldEnv(observation="grey")
    assert str(error.value) == "observation must be one of ('rgb', 'onehot'), got 'grey'"


@pytest.mark.parametrize("observation", ["rgb", "onehot"])
def test_a_frame_is_the_rgb_observation_enlarged(observation):
    env = env_for(LEVEL, observation=observation, render_mode="rgb_array")
    env.step(3)
    frame = env.render()
    assert (frame.shape, frame.dtype) == ((7 * 24, 7 * 24, 3), np.uint8)
    game = ReferenceGame(LEVEL.to_text())
    game.step(3)
    # Every pixel of a cell but the grid line at its top and left.
    for down in (1, 12, 23):
        for right in (1, 12, 23):
            np.testing.assert_array_equal(frame[down::24, right::24], game.observation())
    line = frame[24 * 3, 24 * 3 + 5]
    assert (line < frame[24 * 3 + 1, 24 * 3 + 5]).all()


def test_text_shows_the_room_and_the_held_key_in_color():
    env = env_for(LEVEL, render_mode="ansi")
    floor, agent = "48;2;204;204;204m.", "48;2;128;128;128m@"
    key_a, lock_a = "48;2;179;89;89ma", "48;2;179;89;89mA"
    text = env.render()
    assert text.count("\n") == 6
    first = text.split("\n")[0]
    assert [part.split("\x1b")[0] for part in first.split("38;2;0;0;0;")[1:]] == [
        agent, key_a, floor, floor, floor,
    ]  # fmt: skip
    assert lock_a in text.split("\n")[2]
    assert "48;2;255;255;255m*" in text.split("\n")[4]
    assert text.endswith("holds nothing\n")
    env.step(3)
    assert env.render().split("\n")[5].startswith("holds \x1b[38;2;0;0;0;" + key_a)


def test_rendering_changes_nothing():
    env = env_for(LEVEL, render_mode="rgb_array")
    before = env.step(1)[0]
    env.render()[:] = 0
    np.testing.assert_array_equal(env.step(2)[0], before)  # blocked by the border


def test_a_vector_renders_every_slot():
    envs = BoxWorldVectorEnv(3, render_mode="rgb_array", levels=(0, 100))
    singles = [BoxWorldEnv(render_mode="rgb_array", levels=(0, 100)) for _ in range(3)]
    envs.reset(seed=5)
    frames = envs.render()
    assert len(frames) == 3
    for index, single in enumerate(singles):
        single.reset(seed=5 + index)
        np.testing.assert_array_equal(frames[index], single.render())
    texts = BoxWorldVectorEnv(2, render_mode="ansi")
    texts.reset(seed=0)
    assert [type(text) for text in texts.render()] == [str, str]
    silent = BoxWorldVectorEnv(2)
    silent.reset(seed=0)
    assert silent.render() is None


def test_the_window_shows_every_step(monkeypatch):
    pygame = pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    env = env_for(LEVEL, render_mode="human")
    env.metadata = {**env.metadata, "render_fps": 1000}
    assert env.render() is None
    shown = pygame.surfarray.array3d(pygame.display.get_surface()).transpose(1, 0, 2)
    assert shown.shape == (7 * 24, 7 * 24, 3)
    assert shown[24 + 5, 24 + 5].tolist() == [128, 128, 128]
    twin = pickle.loads(pickle.dumps(env))  # the game, without its window
    assert twin.level == env.level
    env.step(1)
    shown = pygame.surfarray.array3d(pygame.display.get_surface()).transpose(1, 0, 2)
    assert shown[48 + 5, 24 + 5].tolist() == [128, 128, 128]
    env.close()
    assert pygame.display.get_surface() is None
    env.close()


@pytest.mark.parametrize(("users_own", "expected"), [(None, "0"), ("opengl", "opengl")])
@pytest.mark.parametrize("show", ["window", "frame", "frames"])
def test_windows_are_accelerated_only_by_the_user(monkeypatch, users_own, expected, show):
    # The accelerated frame buffer can crash a process in which TensorFlow runs too.
    pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setenv("SDL_FRAMEBUFFER_ACCELERATION", users_own or "")
    if users_own is None:
        monkeypatch.delenv("SDL_FRAMEBUFFER_ACCELERATION")
    if show == "frames":  # Gymnasium's wrappers show what is drawn here in windows of their own
        env = BoxWorldVectorEnv(1, render_mode="rgb_array")
    else:
        env = BoxWorldEnv(render_mode="human" if show == "window" else "rgb_array")
    env.reset(seed=0)
    env.render()
    assert os.environ["SDL_FRAMEBUFFER_ACCELERATION"] == expected
    env.close()


def test_without_pygame_the_window_says_what_to_install(monkeypatch):
    plain_import = builtins.__import__

    def no_pygame(name, *arguments, **keywords):
        if name.startswith("pygame"):
            raise ImportError(name)
        return plain_import(name, *arguments, **keywords)

    env = BoxWorldEnv(render_mode="human")
    monkeypatch.setattr(builtins, "__import__", no_pygame)
    with pytest.raises(DependencyNotInstalled) as error:
        env.reset(seed=0)
    assert str(error.value) == "render_mode='human' needs pygame: run `pip install pygame`"
