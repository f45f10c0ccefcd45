"""Pushes overlapping units apart."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sc2_minigames.standin.unit import Unit

GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
SMALL_CROWD = 5  # Up to so many, asking each pair is faster than arrays are.
TOLERANCE = 1e-3  # Overlap that is let be, in map units.


def separate(crowd: Sequence[Unit], bounds: tuple[float, float, float, float]) -> bool:
    """Moves every unit away from those it overlaps, half of the overlap each.

    Args:
      crowd: the units, which are moved.
      bounds: (left, bottom, right, top) that nobody is pushed out of.

    Returns:
      Whether any unit was moved.
    """
    if len(crowd) <= SMALL_CROWD and not any(
        a.gap(b) < -TOLERANCE for i, a in enumerate(crowd) for b in crowd[:i]
    ):
        return False
    x = np.array([u.x for u in crowd])
    y = np.array([u.y for u in crowd])
    radius = np.array([u.type.radius for u in crowd])
    dx = x[:, None] - x
    dy = y[:, None] - y
    distance = np.sqrt(dx * dx + dy * dy)
    overlap = radius[:, None] + radius - distance
    np.fill_diagonal(overlap, 0.0)
    if not (overlap > TOLERANCE).any():
        return False
    push = np.maximum(overlap, 0.0) / 2
    same = distance < 1e-6
    if same.sum() > len(crowd):  # Units on the very same spot part all ways like a sunflower.
        angle = np.arange(len(crowd)) * GOLDEN_ANGLE
        way_x = np.cos(angle)[:, None] - np.cos(angle)
        way_y = np.sin(angle)[:, None] - np.sin(angle)
        dx = np.where(same, way_x, dx)
        dy = np.where(same, way_y, dy)
        distance = np.where(same, np.sqrt(dx * dx + dy * dy), distance)
    np.fill_diagonal(distance, 1.0)
    scale = push / distance
    left, bottom, right, top = bounds
    new_x = np.clip(x + (scale * dx).sum(1), left, right).tolist()
    new_y = np.clip(y + (scale * dy).sum(1), bottom, top).tolist()
    for unit, ux, uy in zip(crowd, new_x, new_y, strict=True):
        unit.x, unit.y = ux, uy
    return True
