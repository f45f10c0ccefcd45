"""The window of `render_mode="human"`; needs pygame, which Gymnasium's own games use too."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.error import DependencyNotInstalled


def avoid_accelerated_windows() -> None:
    """Disables SDL's accelerated frame buffer, unless the user has set it. Call before opening one.

    It loads the graphics driver, whose libraries can crash a process that also uses TensorFlow.
    """
    os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")


class Window:
    """Shows frames at a fixed rate.

    Args:
        fps: frames per second.

    Raises:
        DependencyNotInstalled: if pygame is missing.
    """

    def __init__(self, fps: int) -> None:
        try:
            import pygame
        except ImportError as error:
            raise DependencyNotInstalled(
                "render_mode='human' needs pygame: run `pip install pygame`"
            ) from error
        self._pygame = pygame
        self._fps = fps
        self._screen: Any = None
        avoid_accelerated_windows()
        pygame.display.init()
        self._clock = pygame.time.Clock()

    def show(self, frame: npt.NDArray[np.uint8]) -> None:
        """Shows one frame, uint8 [height, width, 3], and waits until it is due."""
        pygame = self._pygame
        if self._screen is None:
            pygame.display.set_caption("Box-World")
            self._screen = pygame.display.set_mode((frame.shape[1], frame.shape[0]))
        picture = pygame.surfarray.make_surface(frame.transpose(1, 0, 2))
        self._screen.blit(picture, (0, 0))
        pygame.event.pump()
        pygame.display.flip()
        self._clock.tick(self._fps)

    def close(self) -> None:
        """Closes the window."""
        self._pygame.display.quit()
