"""The networks once more, in loops over NumPy numbers: slow, and written from the paper."""

import math

import numpy as np


def variables(module):
    """Returns a module's variables by the end of their name, as float64."""
    named = {}
    for variable in module.variables:
        *_, owner, own = ("/" + variable.name.removesuffix(":0")).split("/")
        key = f"{owner}/{own}" if own in ("w", "b", "scale", "offset") else own
        assert key not in named
        named[key] = variable.numpy().astype(np.float64)
    return named


def softmax(logits):
    exps = [math.exp(logit - max(logits)) for logit in logits]
    return [each / sum(exps) for each in exps]


def layer_norm(x, scale, offset, epsilon=1e-5):
    mean = sum(x) / len(x)
    variance = sum((each - mean) ** 2 for each in x) / len(x)
    return (np.asarray(x) - mean) / math.sqrt(variance + epsilon) * scale + offset


def relu(x):
    return np.maximum(x, 0.0)


def attention(entities, weights, num_heads, head_size, mask=None):
    """Attends as section 2 of the paper says, one pair of entities after the other.

    Args:
      entities: [B, N, F].
      weights: as `variables` names them.
      num_heads: H.
      head_size: D.
      mask: [B, N], False for what nothing may attend to.

    Returns:
      values [B, N, H * D] and weights [B, H, N, N].
    """
    batch, count, _ = entities.shape
    projection = weights["qkv/w"].reshape(-1, 3, num_heads, head_size)
    scale, offset = weights["qkv_norm_scale"], weights["qkv_norm_offset"]
    values = np.zeros((batch, count, num_heads * head_size))
    attended = np.zeros((batch, num_heads, count, count))
    for b in range(batch):
        real = [j for j in range(count) if mask is None or mask[b][j]]
        for h in range(num_heads):
            query, key, value = (
                [
                    layer_norm(
                        entities[b, i] @ projection[:, which, h], scale[which, h], offset[which, h]
                    )
                    for i in range(count)
                ]
                for which in range(3)
            )
            for i in range(count):
                logits = [query[i] @ key[j] / math.sqrt(head_size) for j in real]
                for j, weight in zip(real, softmax(logits), strict=True):
                    attended[b, h, i, j] = weight
                    values[b, i, h * head_size : (h + 1) * head_size] += weight * value[j]
    return values, attended


def block(entities, weights, num_heads, head_size, mask=None):
    """Attention, a two- or three-layer ReLU network, the sum with the input, layer norm."""
    values, attended = attention(entities, weights, num_heads, head_size, mask)
    out = np.zeros_like(entities)
    for b in range(entities.shape[0]):
        for i in range(entities.shape[1]):
            hidden = relu(values[b, i] @ weights["hidden/w"] + weights["hidden/b"])
            if "hidden_1/w" in weights:
                hidden = relu(hidden @ weights["hidden_1/w"] + weights["hidden_1/b"])
            update = hidden @ weights["update/w"] + weights["update/b"]
            out[b, i] = layer_norm(
                entities[b, i] + update, weights["layer_norm/scale"], weights["layer_norm/offset"]
            )
    return out, attended


def convolution(image, kernel, bias, padding="SAME"):
    """Returns the convolution of [H, W, C] with [h, w, C, F], as sums over the window."""
    size = kernel.shape[0]
    if padding == "SAME":
        before = (size - 1) // 2
        image = np.pad(image, ((before, size - 1 - before), (before, size - 1 - before), (0, 0)))
    height, width = image.shape[0] - size + 1, image.shape[1] - size + 1
    out = np.zeros((height, width, kernel.shape[3]))
    for y in range(height):
        for x in range(width):
            for dy in range(size):
                for dx in range(size):
                    out[y, x] += image[y + dy, x + dx] @ kernel[dy, dx]
    return out + bias


def randomize(module, seed=0, size=1.0):
    """Gives every learned variable values that are far from 0 and 1, the same in every run.

    Kernels get a deviation of size / sqrt(inputs), biases and offsets one of 0.3 * size, around 0;
    scales are around 1.
    """
    random = np.random.default_rng(seed)
    for variable in module.trainable_variables:
        is_kernel = variable.name.endswith("/w:0")
        inputs = math.prod(variable.shape[:-1]) if is_kernel else 1 / 0.09
        noise = random.normal(size=variable.shape) * size / math.sqrt(inputs)
        variable.assign((noise + ("scale" in variable.name)).astype(np.float32))
