"""What was measured, as a page of Markdown, as JSON and as a figure."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from experiments.attention.measuring.measure import PER_LEVEL, Measured
from experiments.attention.measuring.needs import WHOLE
from experiments.attention.measuring.probes import Probe
from experiments.attention.measuring.relations import RELATIONS
from experiments.attention.measuring.selectivity import Selectivity, best
from experiments.statistics import Mean
from experiments.tables import in_markdown
from relational_rl.files import write_atomically

PAGE, NUMBERS, FIGURE = "attention_measured.md", "attention_measured.json", "attention_heads.png"


def write(measured: Measured, directory: Path) -> str:
    """Writes all three files; returns the page.

    Raises:
      OSError: a file cannot be written.
    """
    page = to_markdown(measured)
    write_atomically(directory / PAGE, page)
    write_atomically(directory / NUMBERS, json.dumps(_plain(measured), indent=1, allow_nan=False))
    draw(measured, directory / FIGURE)
    return page


def to_markdown(measured: Measured) -> str:
    """Returns the page."""
    parts = [
        f"# What the heads attend to, and what the agent needs\n\n{measured.agent}; "
        f"{measured.environment}, {measured.levels:,} levels, {measured.states:,} scenes "
        f"(up to {PER_LEVEL} of an episode).",
        "## What each head tells apart\n",
        "AUC with its 95 % interval over levels, top-1 in brackets; .5 is chance. Untrained: the "
        f"best head of {len(measured.untrained)} agents with first values, range of the agents.\n",
        *in_markdown(_selectivity_rows(measured), "l" + "r" * (len(_heads(measured)) + 1)),
    ]
    if measured.needs:
        parts += [
            "\n## What is solved without it\n",
            f"The same {measured.needs[0].solved.trials:,} levels, each played once by the sampled "
            "policy; 95 % interval. Zero, mean, resample: what stands in for what the head brings "
            "(the mean over the scene's entities; what it brings in another scene).\n",
            *in_markdown(_need_rows(measured), "llrr"),
        ]
    if measured.probes:
        parts += [
            "\n## What a linear probe finds\n",
            "How often it names the right one, on levels that it was not fitted on. Control: the "
            "same with labels drawn at random.\n",
            *in_markdown(_probe_rows(measured.probes, measured.untrained_probes), "llrrrr"),
        ]
    if measured.patching:
        rows = [("head", "share of the change", "scenes")]
        rows += [
            (f"block {p.block} head {p.head}", _signed(p.share), f"{p.share.trials:,}")
            for p in measured.patching
        ]
        parts += [
            "\n## Which head brings the news of a changed colour\n",
            "The path's lock and another one exchange colours. Share of the change of the policy "
            "(Kullback-Leibler divergence) that comes with what one head brings.\n",
            *in_markdown(rows, "lrr"),
        ]
    return "\n".join(parts) + "\n"


def _heads(measured: Measured) -> list[tuple[int, int]]:
    return sorted({(s.block, s.head) for s in measured.trained})


def _selectivity_rows(measured: Measured) -> list[tuple[str, ...]]:
    heads = _heads(measured)
    rows = [("relation", *(f"block {b} head {h}" for b, h in heads), "untrained, best head")]
    by_place = {(s.relation, s.block, s.head): s for s in measured.trained}
    for relation in RELATIONS:
        found = [by_place.get((relation, *head)) for head in heads]
        if not any(found):
            continue
        cells = [f"{_auc(s.auc)} ({s.top_1.value:.0%})" if s else "" for s in found]
        fresh = [best(agent, relation).auc.value for agent in measured.untrained]
        rows.append((relation, *cells, f"{min(fresh):.3f} to {max(fresh):.3f}" if fresh else "-"))
    return rows


def _auc(auc: Mean) -> str:
    spread = 0.0 if math.isnan(auc.low) else (auc.high - auc.low) / 2
    return f"{auc.value:.3f} ± {spread:.3f}"


def _signed(mean: Mean) -> str:
    return f"{mean.value:.0%} ({mean.low:.0%} to {mean.high:.0%})"


def _need_rows(measured: Measured) -> list[tuple[str, ...]]:
    whole = measured.needs[0].solved.value
    rows: list[tuple[str, ...]] = [("without", "in its place", "solved", "points lost")]
    for need in measured.needs:
        solved = need.solved
        lost = "" if need.without == WHOLE else f"{(whole - solved.value) * 100:.1f}"
        interval = f"{solved.value:.1%} ({solved.low:.1%} to {solved.high:.1%})"
        rows.append((need.without, need.by, interval, lost))
    return rows


def _probe_rows(found: Sequence[Probe], untrained: Sequence[Probe]) -> list[tuple[str, ...]]:
    before = {(p.question, p.depth): p for p in untrained}
    rows: list[tuple[str, ...]] = [
        ("question", "features", "trained", "untrained", "control", "chance")
    ]
    for p in found:
        fresh = before.get((p.question, p.depth))
        rows.append(
            (
                p.question,
                _depth(p.depth),
                f"{p.right.value:.0%} ({p.right.low:.0%} to {p.right.high:.0%})",
                f"{fresh.right.value:.0%}" if fresh else "-",
                f"{p.control.value:.0%}",
                f"{p.chance:.0%}",
            )
        )
    return rows


def _depth(name: str) -> str:
    if name == "entities":
        return "before the blocks"
    return f"after block {name.removeprefix('block').removesuffix('/output')}"


def draw(measured: Measured, path: Path) -> None:
    """Draws a heat map: what each head tells apart, and what it is needed for.

    Raises:
      OSError: the file cannot be written.
    """
    heads, relations = _heads(measured), [r for r in RELATIONS if _has(measured.trained, r)]
    by_place = {(s.relation, s.block, s.head): s.auc.value for s in measured.trained}
    table = np.array(
        [[by_place.get((r, *h), math.nan) for h in heads] for r in relations], np.float64
    )
    fresh = np.array(
        [[max((best(a, r).auc.value for a in measured.untrained), default=math.nan)]
         for r in relations]
    )  # fmt: skip
    values = np.concatenate([table, fresh], axis=1)
    names = [f"block {b}\nhead {h}" for b, h in heads] + ["untrained,\nbest head"]
    width = 5.0 + 1.0 * len(names)
    figure = Figure(figsize=(width, 1.8 + 0.42 * len(relations) + 1.0), dpi=150)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.imshow(values, cmap="PuOr", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(relations)), relations)
    for (row, column), value in np.ndenumerate(values):
        ink = "white" if abs(value - 0.5) > 0.35 else "black"
        axes.text(column, row, f"{value:.3f}", ha="center", va="center", color=ink, fontsize=9)
    lines = _needed(measured, heads)
    if lines:
        for column, line in enumerate(lines):
            axes.text(column, len(relations) - 0.3, line, ha="center", va="top", fontsize=9)
        axes.tick_params(axis="x", pad=34)
    axes.set_title(
        "AUC of attention for what truly belongs together (0.5 is chance)\n"
        + (f"below: solved without the head (zero), {_whole(measured)} with all" if lines else ""),
        fontsize=10,
    )
    figure.tight_layout()
    figure.savefig(path)


def _has(found: Sequence[Selectivity], relation: str) -> bool:
    return any(s.relation == relation for s in found)


def _needed(measured: Measured, heads: Sequence[tuple[int, int]]) -> list[str]:
    solved = {need.without: need.solved.value for need in measured.needs if need.by == "zero"}
    return [f"{solved[f'block {b} head {h}']:.1%}" for b, h in heads] if solved else []


def _whole(measured: Measured) -> str:
    return f"{measured.needs[0].solved.value:.1%}"


def _plain(value: Any) -> Any:
    """Returns named tuples as mappings, NaN as None."""
    if hasattr(value, "_asdict"):
        return {name: _plain(each) for name, each in value._asdict().items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value
