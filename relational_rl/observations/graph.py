"""Graphs: Graph, whose nodes are the entities and whose edges are a bias on their attention.

Its attribute `max_nodes` says how many nodes there are at most; absent: 32.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

from relational_rl.errors import ObservationError
from relational_rl.observations.check import array_of, check_whole, named
from relational_rl.observations.entry import Arrays, Kind, numbered
from relational_rl.observations.sequence import RowsForm, rows_form

_MAX_NODES = 32


@dataclasses.dataclass(frozen=True)
class GraphSpec:
    """A graph.

    Attributes:
      key: its key in a Dict observation, None if the observation is the graph.
      max_nodes: N.
      nodes: form of the nodes.
      edges: form of the edges; None if they have no features.
      name: of what `select` gives; the mask is NAME_mask, the edges are NAME_edges.
    """

    kind: ClassVar[str] = "graph"
    ragged: ClassVar[bool] = True
    key: str | None
    max_nodes: int
    nodes: RowsForm
    edges: RowsForm | None
    name: str = "graph"

    @property
    def num_entities(self) -> int:
        """N."""
        return self.max_nodes

    @property
    def num_channels(self) -> int:
        """C: how many edges there are, their features, and both again for the way back."""
        return 2 * (1 + (0 if self.edges is None else self.edges.size))

    def select(self, value: Any) -> Arrays:
        """Returns B graphs as arrays.

        {name: float32 [B, N, F], name_mask: bool [B, N], name_edges: float32 [B, N, N, C]}, where
        name_edges[b, i, j] is the sum over all edges from i to j, and behind it that over all
        edges from j to i.

        Raises:
          ObservationError: one has too many nodes, or is not what its space says.
        """
        arrays = self.zeros((len(value),))
        for row, graph in enumerate(value):
            self._fill({name: array[row] for name, array in arrays.items()}, graph)
        return arrays

    def zeros(self, leading: tuple[int, ...]) -> Arrays:
        """Returns graphs without nodes."""
        count = self.max_nodes
        return {
            self.name: np.zeros((*leading, count, self.nodes.size), np.float32),
            f"{self.name}_mask": np.zeros((*leading, count), bool),
            f"{self.name}_edges": np.zeros((*leading, count, count, self.num_channels), np.float32),
        }

    def _fill(self, arrays: Arrays, graph: Any) -> None:
        """Writes a graph into arrays of zeros."""
        if not isinstance(graph, spaces.GraphInstance):
            raise ObservationError(
                f"{named(self.key)} must be a GraphInstance, got {type(graph).__name__}"
            )
        nodes = self.nodes.rows(self.key, graph.nodes)
        if len(nodes) > self.max_nodes:
            raise ObservationError(
                f"{named(self.key)} must have at most {self.max_nodes} nodes (attribute max_nodes "
                f"of its space), got {len(nodes)}"
            )
        arrays[self.name][: len(nodes)] = nodes
        arrays[f"{self.name}_mask"][: len(nodes)] = True
        if graph.edge_links is None or not len(graph.edge_links):
            return
        links = array_of(self.key, graph.edge_links, (2,))
        check_whole(self.key, links, 0, len(nodes))
        features = np.ones((len(links), 1), np.float32)
        if self.edges is not None:
            rows = self.edges.rows(self.key, graph.edges if graph.edges is not None else ())
            if len(rows) != len(links):
                raise ObservationError(
                    f"{named(self.key)} must have features of each of its {len(links)} edges, "
                    f"got {len(rows)}"
                )
            features = np.concatenate([features, rows], axis=1)
        half, edges = self.num_channels // 2, arrays[f"{self.name}_edges"]
        np.add.at(edges[..., :half], (links[:, 0], links[:, 1]), features)
        np.add.at(edges[..., half:], (links[:, 1], links[:, 0]), features)


def _matches(space: gymnasium.Space) -> bool:
    return isinstance(space, spaces.Graph) and rows_form(space.node_space) is not None


def _read(
    key: str | None, place: int, space: Any, others: Mapping[str, gymnasium.Space]
) -> GraphSpec:
    del others
    nodes = rows_form(space.node_space)
    assert nodes is not None
    edges = None if space.edge_space is None else rows_form(space.edge_space)
    return GraphSpec(
        key, int(getattr(space, "max_nodes", _MAX_NODES)), nodes, edges, numbered("graph", place)
    )


KIND = Kind("graph", "a Graph", _matches, _read)
