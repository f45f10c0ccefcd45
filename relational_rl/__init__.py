"""The relational deep reinforcement learning agent, for any Gymnasium environment.

Zambaldi et al. 2018, "Relational Deep Reinforcement Learning" (arXiv:1806.01830): self-attention
over the entities of a scene, inside an IMPALA agent (Espeholt et al. 2018, arXiv:1802.01561).

    vtrace, losses, distributions,
    composite                       pure mathematics on tensors
    specs                           what an agent needs to know of an environment
    modules                         the parts of the networks (Sonnet)
    agents                          the agents built of them
    rollout, learner                acting; learning
    backends, training              where actors run; the loop over them
    checkpoint, metrics, config     what a run keeps

Symbols, the same everywhere: T unroll length, B batch, A actions, N entities, H heads,
D head size, F features of an entity.
"""

__version__ = "0.1.0"
