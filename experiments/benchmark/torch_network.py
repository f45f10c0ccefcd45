"""The relational network in PyTorch, as its user would write it: padded entities and a mask.

The same function as an agent of `relational_rl` with a patch stem over occupied cells, without
references and likeness; `copy_weights` takes over an agent's variables. It is what the benchmark
compares with, and nothing else uses it.

B images, H x W cells, C channels, N entities, F features, A actions, P pixels of a patch.
"""

import itertools
from typing import Literal, cast

import tensorflow as tf
import torch
import torch.nn.functional as F
from torch import nn

from experiments.benchmark.training import cells_of
from relational_rl.agents import EntityAgent
from relational_rl.config import Cells, Patch, Relational
from relational_rl.nn.relational import RelationalModule
from relational_rl.nn.stems import PatchStem

Attention = Literal["sdpa", "matmul"]
_MASKED = -1e9  # as in relational_rl/nn/attention.py


class Block(nn.Module):
    """A relational block: attention, two layers, residual sum, layer norm."""

    def __init__(self, entity_size: int, num_heads: int, head_size: int, attention: Attention):
        """Makes a block."""
        super().__init__()
        total = num_heads * head_size
        self.shape = (3, num_heads, head_size)
        self.attention = attention
        self.qkv = nn.Linear(entity_size, 3 * total, bias=False)
        self.qkv_scale = nn.Parameter(torch.ones(self.shape))
        self.qkv_offset = nn.Parameter(torch.zeros(self.shape))
        self.hidden = nn.Linear(total, entity_size)
        self.update = nn.Linear(entity_size, entity_size)
        self.norm = nn.LayerNorm(entity_size)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Maps entities [B, N, F] to [B, N, F]; mask [B, 1, 1, N] is added to the logits."""
        batch, num_entities, _ = x.shape
        qkv = self.qkv(x).view(batch, num_entities, *self.shape)
        qkv = F.layer_norm(qkv, self.shape[-1:]) * self.qkv_scale + self.qkv_offset
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # [B, heads, N, D] each
        if self.attention == "sdpa":
            values = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        else:
            logits = query @ key.transpose(-2, -1) * self.shape[-1] ** -0.5 + mask
            values = torch.softmax(logits, dim=-1) @ value
        values = values.transpose(1, 2).reshape(batch, num_entities, -1)
        return self.norm(x + self.update(F.relu(self.hidden(values))))


class Network(nn.Module):
    """Images to policy logits and baseline."""

    background: torch.Tensor
    projections: torch.Tensor
    places: torch.Tensor

    def __init__(
        self,
        config: Relational,
        image_shape: tuple[int, int, int],
        num_actions: int,
        attention: Attention = "sdpa",
    ):
        """Makes the network that `config` describes.

        Raises:
          ValueError: the config asks for what is not written here.
        """
        super().__init__()
        encoder = config.encoder
        if not isinstance(encoder, Cells) or not isinstance(encoder.stem, Patch):
            raise ValueError("the network must have a patch stem over occupied cells")
        stem = encoder.stem
        if encoder.max_entities is None or not stem.num_frequencies:
            raise ValueError("the network must have a patch stem with waves over occupied cells")
        if encoder.references or config.likeness:
            raise ValueError("the network must have no references and no likeness")
        height, width, channels = image_shape
        rows, columns = stem.shape
        self.max_entities = encoder.max_entities
        self.patch = (rows, columns)
        num_waves = 2 * stem.num_frequencies
        inputs = rows * columns * (channels + num_waves) + 2 + num_waves
        self.register_buffer("background", torch.zeros(image_shape, dtype=torch.uint8))
        self.register_buffer("projections", torch.zeros(channels, stem.num_frequencies))
        self.register_buffer("places", torch.zeros(height * width, 2 + num_waves))
        self.embed = nn.Linear(inputs, stem.size)
        blocks = 1 if config.share_weights else config.num_blocks
        self.layers = [
            Block(stem.size, config.num_heads, config.head_size, attention) for _ in range(blocks)
        ]
        self.blocks = nn.ModuleList(self.layers)
        self.num_blocks = config.num_blocks
        sizes = (stem.size, *config.mlp)
        self.mlp = nn.ModuleList(nn.Linear(*pair) for pair in itertools.pairwise(sizes))
        self.policy = nn.Linear(sizes[-1], num_actions)
        self.baseline = nn.Linear(sizes[-1], 1)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Maps images uint8 [B, H, W, C] to policy logits [B, A] and baseline [B]."""
        x, real = self._entities(images)
        mask = torch.where(real, 0.0, _MASKED)[:, None, None, :]
        for i in range(self.num_blocks):
            x = self.layers[i % len(self.layers)](x, mask)
        pooled = torch.where(real[..., None], x, torch.finfo(x.dtype).min).amax(dim=1)
        pooled = torch.where(real.any(dim=1, keepdim=True), pooled, 0.0)
        for layer in self.mlp:
            pooled = F.relu(layer(pooled))
        return self.policy(pooled), self.baseline(pooled)[:, 0]

    def _entities(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the features [B, N, F] of occupied cells in reading order and which are real."""
        batch, height, width, channels = images.shape
        differs = torch.ne(images, self.background).any(dim=-1).view(batch, height * width)
        remaining = torch.arange(height * width, 0, -1, dtype=torch.int32)
        ranked = torch.topk(torch.where(differs, remaining, 0), self.max_entities, dim=1).values
        real = ranked > 0
        cells = torch.where(real, height * width - ranked, 0).long()
        rows, columns = self.patch
        padded = F.pad(
            images, (0, 0, columns // 2, columns // 2, rows // 2, rows // 2)
        )  # zeros around
        patches = torch.stack(
            [padded[:, i : i + height, j : j + width] for i in range(rows) for j in range(columns)],
            dim=3,
        ).view(batch, height * width, -1)
        index = cells[..., None].expand(-1, -1, patches.shape[-1])
        pixels = patches.gather(1, index).float() / 255.0  # [B, N, P * C]
        phases = pixels.view(batch, self.max_entities, -1, channels) @ self.projections
        waves = torch.cat([phases.cos(), phases.sin()], dim=-1).flatten(2)
        features = torch.cat([pixels, waves, self.places[cells]], dim=-1)
        return F.relu(self.embed(features)), real


def copy_weights(agent: EntityAgent, network: Network) -> None:
    """Gives a network the variables of an agent of the same config.

    Raises:
      ValueError: the agent is of another kind.
    """
    parameters = pairs(agent, network)
    encoder = cells_of(agent)
    stem = cast(PatchStem, encoder.stem)
    height, width = encoder.map_shape
    places = stem.place_features(tf.range(height * width), (height, width))
    with torch.no_grad():
        for buffer, value in (
            (network.background, encoder.background),
            (network.projections, stem.projections),
            (network.places, places),
        ):
            buffer.copy_(torch.from_numpy(value.numpy()))
        for parameter, variable in parameters:
            value = torch.from_numpy(variable.numpy())
            parameter.copy_(value.T if parameter.ndim == 2 else value)


def pairs(agent: EntityAgent, network: Network) -> list[tuple[nn.Parameter, tf.Variable]]:
    """Returns each parameter of a network with the agent's variable of the same meaning.

    A matrix of PyTorch is the transpose of Sonnet's.

    Raises:
      ValueError: the agent is of another kind.
    """
    stem, core = cells_of(agent).stem, agent.core
    if not isinstance(stem, PatchStem) or not isinstance(core, RelationalModule):
        raise ValueError("the agent must have a patch stem and the relational module")
    result = list(zip(_linear(network.embed), stem.parameters(), strict=True))
    for block, source in zip(network.layers, core.blocks, strict=True):
        parameters = [
            *_linear(block.qkv),
            block.qkv_scale,
            block.qkv_offset,
            *_linear(block.hidden),
            *_linear(block.update),
            *_linear(block.norm),
        ]
        result += zip(parameters, source.parameters(), strict=True)
    layers = {f"mlp/linear_{i}": layer for i, layer in enumerate(network.mlp)}
    for name, layer in {**layers, "policy": network.policy, "baseline": network.baseline}.items():
        result += zip(_linear(layer), (_named(agent, f"{name}/{x}:0") for x in "wb"), strict=True)
    return result


def _named(agent: EntityAgent, ending: str) -> tf.Variable:
    """Returns the only variable whose name ends so."""
    (found,) = [x for x in agent.trainable_variables if x.name.endswith("/" + ending)]
    return found


def _linear(layer: nn.Module) -> list[nn.Parameter]:
    """Weights and then, if there is one, bias."""
    return list(layer.parameters())
