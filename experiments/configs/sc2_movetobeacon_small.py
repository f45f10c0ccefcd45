"""MoveToBeacon on the stand-in, on two cores: the published network with fewer of everything.

Screen and minimap of 16x16, one relational block of one head, 32 channels of memory. Two additions:
arguments also see the pixels of their image, so that what is worth pointing at is learned from few
hits, and what is seen now goes past the memory too. The learner is that of `boxworld`; how the
values were found is in `experiments/RECIPES.md`. The scores are the stand-in's, not StarCraft's;
`--config.game=starcraft` plays the game.
"""

from experiments.configs.sc2_movetobeacon import experiment as published
from relational_rl.config import replace

experiment = replace(
    published,
    {
        "env.kwargs": {"game": "standin", "screen_size": 16, "minimap_size": 16},
        "source.num_actors": 1,
        "source.envs_per_actor": 32,
        "source.unroll_length": 32,
        "agent.map_channels": 16,
        "agent.embedding_size": 4,
        "agent.memory.size": 32,
        "agent.memory.shortcut": True,
        "agent.num_blocks": 1,
        "agent.num_heads": 1,
        "agent.block_mlp": (64,),
        "agent.vector_mlp": (32,),
        "agent.mlp": (128,),
        "agent.head_mlp": (128,),
        "agent.argument_pixels": True,
        "agent.policy_scale": 0.3,
        # V-trace with a clipped surrogate, every unroll learned from twice.
        "learner.batch_size": 8,
        "learner.num_passes": 2,
        "learner.policy_clip": 0.2,
        "learner.min_advantage_deviation": 0.1,
        "learner.trace_decay": 0.95,
        "learner.discount_factor": 0.97,
        "learner.reduction": "mean",
        "learner.baseline_cost": 0.5,
        "learner.reward_scale": 5.0,
        "learner.learning_rate": 3e-3,
        "learner.entropy_cost": 0.02,
        "learner.optimizer.epsilon": 1e-5,
        "learner.max_gradient_norm": 1.0,
        "run.total_frames": 3_000_000,
        "run.max_minutes": 120.0,
    },
)
