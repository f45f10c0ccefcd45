"""Box-World under somebody else's agent: Stable-Baselines3's PPO, by `gymnasium.make` alone."""

import gymnasium
import numpy as np
import pytest

import boxworld  # noqa: F401  (registers the environments)

stable_baselines3 = pytest.importorskip("stable_baselines3")
torch = pytest.importorskip("torch")

from stable_baselines3.common.env_checker import check_env  # noqa: E402
from stable_baselines3.common.env_util import make_vec_env  # noqa: E402
from stable_baselines3.common.evaluation import evaluate_policy  # noqa: E402
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor  # noqa: E402

STEPS = 2048


class SmallCnn(BaseFeaturesExtractor):
    """Two convolutions and a linear layer: SB3's own network needs images of 36x36 or more."""

    def __init__(self, observation_space, features_dim=64):
        super().__init__(observation_space, features_dim)
        channels, height, width = observation_space.shape
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(channels, 12, kernel_size=2),
            torch.nn.ReLU(),
            torch.nn.Conv2d(12, 24, kernel_size=2, stride=2),
            torch.nn.ReLU(),
            torch.nn.Flatten(),
            torch.nn.Linear(24 * ((height - 1) // 2) * ((width - 1) // 2), features_dim),
            torch.nn.ReLU(),
        )

    def forward(self, observations):
        return self.layers(observations)


@pytest.mark.parametrize("name", ["BoxWorld-v0", "BoxWorld-Easy-v0"])
def test_passes_their_checker(name):
    env = gymnasium.make(name)
    # It warns of images that are too small for its own network, which is not used here.
    with pytest.warns(UserWarning, match="minimal resolution for an image is 36x36"):
        check_env(env, warn=True)


@pytest.fixture
def one_thread():
    """Threads would only wait for each other over networks this small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_ppo_trains(one_thread):
    torch.manual_seed(0)
    env = make_vec_env("BoxWorld-Easy-v0", n_envs=4, seed=0)
    model = stable_baselines3.PPO(
        "CnnPolicy",
        env,
        n_steps=128,
        batch_size=128,
        n_epochs=2,
        seed=0,
        device="cpu",
        policy_kwargs={"features_extractor_class": SmallCnn},
    )
    before = [parameter.detach().clone() for parameter in model.policy.parameters()]
    model.learn(STEPS)
    assert model.num_timesteps == STEPS
    after = list(model.policy.parameters())
    assert all(torch.isfinite(parameter).all() for parameter in after)
    assert all(not torch.equal(old, new) for old, new in zip(before, after, strict=True))

    # It saw whole episodes: their returns, lengths up to the step cap, and how each ended.
    episodes = list(model.ep_info_buffer)
    assert len(episodes) >= STEPS // 120 - 4
    assert all(-1 <= episode["r"] <= 12 for episode in episodes)
    assert all(2 <= episode["l"] <= 120 for episode in episodes)
    wins = [episode["r"] >= 10 for episode in episodes]
    assert list(model.ep_success_buffer) == wins

    returns, lengths = evaluate_policy(
        model, env, n_eval_episodes=4, deterministic=False, return_episode_rewards=True
    )
    assert len(returns) == 4
    assert np.max(lengths) <= 120
    env.close()
