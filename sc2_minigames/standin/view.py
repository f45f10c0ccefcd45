"""Where the player looks: pixels of the screen and of the minimap, and points on the map.

Map coordinates grow to the right and up, pixels to the right and down; a pixel stands for its
centre. The formulas are those of `pysc2.lib.features.Features.init_camera`, so that the positions
PySC2 computes for feature units agree with what is drawn here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class View:
    """Sizes of the two pictures and of what they show.

    Attributes:
      screen: (width, height) of the screen, in pixels.
      minimap: (width, height) of the minimap, in pixels.
      camera_width: width of the ground on the screen, in map units.
      map_size: side of the square map, in map units.
    """

    screen: tuple[int, int]
    minimap: tuple[int, int]
    camera_width: float
    map_size: int

    @property
    def screen_scale(self) -> float:
        """Pixels of the screen per map unit."""
        return self.screen[0] / self.camera_width

    @property
    def minimap_scale(self) -> float:
        """Pixels of the minimap per map unit."""
        return max(self.minimap) / self.map_size

    def screen_point(
        self, pixel: tuple[int, int], camera: tuple[float, float]
    ) -> tuple[float, float]:
        """Returns the map point at the centre of a screen pixel."""
        scale = self.screen_scale
        x = camera[0] + (pixel[0] + 0.5 - self.screen[0] / 2) / scale
        y = camera[1] - (pixel[1] + 0.5 - self.screen[1] / 2) / scale
        return x, y

    def screen_position(
        self, x: float, y: float, camera: tuple[float, float]
    ) -> tuple[float, float]:
        """Returns where a map point is on the screen; the integer part is the pixel."""
        scale = self.screen_scale
        return (
            (x - camera[0]) * scale + self.screen[0] / 2,
            (camera[1] - y) * scale + self.screen[1] / 2,
        )

    def is_on_screen(self, x: float, y: float, camera: tuple[float, float]) -> bool:
        """Whether a map point is on the screen."""
        px, py = self.screen_position(x, y, camera)
        return 0 <= px < self.screen[0] and 0 <= py < self.screen[1]

    def minimap_point(self, pixel: tuple[int, int]) -> tuple[float, float]:
        """Returns the map point at the centre of a minimap pixel."""
        scale = self.minimap_scale
        return (pixel[0] + 0.5) / scale, self.map_size - (pixel[1] + 0.5) / scale
