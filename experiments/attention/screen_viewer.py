"""The markup and script of a mini-game's page; `screen_page` fills in what stands between @@."""

from experiments.attention.viewer import CHOICE, HEAD, HELPERS, KEYS, PLAYING, panes

_PANES = panes("the screen with the attention to its cells")

_DATA = """<script>
"use strict";
const data = @@DATA@@;
const state = { step: 0, block: 0, head: 0, source: "all cells", timer: null };
"""

_DRAWING = """const nameOf = (cell) =>
  `row ${Math.floor(cell / data.columns) + 1}, column ${cell % data.columns + 1}`;
const everyCell = Array.from({ length: data.rows * data.columns }, (_, cell) => cell);

function sources(step) {
  if (state.source === "all cells") return everyCell;
  if (state.source === "own units") return step.own;
  if (state.source === "where it acts") return step.target === null ? [] : [step.target];
  return [Number(state.source)];
}

function drawScreen(step, cells, weights) {
  const parts = [], w = 1 / data.columns, h = 1 / data.rows;
  const darkest = Math.max(...weights, data.faintest / everyCell.length);
  everyCell.forEach((cell) => parts.push(`<rect x="${(cell % data.columns) * w}"
    y="${Math.floor(cell / data.columns) * h}" width="${w}" height="${h}" stroke="#ccc"
    stroke-width="0.002" fill="${data.heatColor}" fill-opacity="${weights[cell] / darkest}"/>`));
  [...step.sides].forEach((side, i) => {
    if (side !== "0") parts.push(`<rect x="${(i % data.size) / data.size}"
      y="${Math.floor(i / data.size) / data.size}" width="${1 / data.size}"
      height="${1 / data.size}" fill="${data.sideColors[side]}" shape-rendering="crispEdges"/>`);
  });
  if (cells.length < everyCell.length)
    for (const cell of cells) parts.push(`<rect x="${(cell % data.columns) * w}"
      y="${Math.floor(cell / data.columns) * h}" width="${w}" height="${h}" fill="none"
      stroke="#111" stroke-width="0.007"/>`);
  if (step.place) {
    const [x, y] = step.place, r = 0.018;
    parts.push(`<path d="M${x - r} ${y - r}L${x + r} ${y + r}M${x - r} ${y + r}L${x + r} ${y - r}"
      stroke="#111" stroke-width="0.008"/>`);
  }
  everyCell.forEach((cell) => parts.push(`<rect class="thing" data-name="${cell}"
    x="${(cell % data.columns) * w}" y="${Math.floor(cell / data.columns) * h}" width="${w}"
    height="${h}" fill="transparent"><title>${nameOf(cell)}: ${percent(weights[cell])}</title>
    </rect>`));
  const board = element("board");
  board.setAttribute("viewBox", "-0.005 -0.005 1.01 1.01");
  board.innerHTML = parts.join("");
}

function draw() {
  const step = data.steps[state.step], cells = sources(step);
  const rows = step.weights[state.block][state.head];
  const weights = everyCell.map((to) =>
    cells.reduce((sum, from) => sum + rows[from][to], 0) / (1000 * Math.max(cells.length, 1)));
  const buttons = (id, count, name) => {
    element(id).innerHTML = name + " " + Array.from({ length: count }, (_, i) => `<button
      data-value="${i}" class="${state[name] === i ? "on" : ""}">${i + 1}</button>`).join("");
  };
  buttons("blocks", data.blocks, "block");
  buttons("heads", data.heads, "head");
  const choices = ["all cells", "own units", "where it acts", ...everyCell.map(String)];
  element("source").innerHTML = choices.map((name, i) => `<option value="${name}"
    ${name === state.source ? "selected" : ""}>${i < 3 ? name : nameOf(name)}</option>`).join("");
  element("step").value = state.step;
  drawScreen(step, cells, weights);
  element("heading").textContent = cells.length
    ? "What they attend to most, on average" : "No such cell at this step";
  const most = everyCell.filter(() => cells.length).sort((a, b) => weights[b] - weights[a]);
  element("weights").innerHTML = "<tr><th>cell</th><th>weight</th><th></th></tr>"
    + most.slice(0, 10).map((cell) => `<tr><td>${nameOf(cell)}</td>
      <td class="number">${percent(weights[cell])}</td><td style="width:50%"><span class="meter"
      style="width:${100 * weights[cell]}%;background:${data.heatColor}"></span></td></tr>`)
      .join("");
  element("where").textContent = `step ${step.number} of ${data.count}`;
  element("decision").textContent = `${step.text}; expects a discounted return of `
    + `${step.value.toFixed(2)} from here.`;
  element("picture").href = data.pictures[state.step];
}
"""

_LISTENERS = """element("source").addEventListener("change", (event) => {
  state.source = event.target.value; draw();
});
element("board").addEventListener("click", (event) => {
  const name = event.target.closest(".thing") ? event.target.closest(".thing").dataset.name : "";
  state.source = name === state.source || !name ? "all cells" : name; draw();
});
"""

_LEGEND = """element("legend").innerHTML = "The darker a cell, the more attention it gets "
  + "from the outlined cells, or from all of them on average. Units: "
  + ["own", "ally", "neutral", "enemy"].map((name, i) =>
    `<span class="dot" style="background:${data.sideColors[i + 1]}"></span>${name}`).join(" ")
  + ". The cross is where the agent acts. Click a cell to see what it attends to.";
draw();
</script>
</body>
</html>
"""

TEMPLATE = "".join(
    (HEAD, _PANES, _DATA, HELPERS, _DRAWING, PLAYING, _LISTENERS, CHOICE, KEYS, _LEGEND)
)
