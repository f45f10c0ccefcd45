"""The pages' markup, style and script; `page.fill` fills in what stands between @@.

The pieces with a name are those that the page of a mini-game (`screen_viewer.py`) has as well.
"""

HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>@@TITLE@@</title>
<style>
  body { font: 15px/1.45 system-ui, sans-serif; color: #1c1c1c; margin: 1.5rem auto;
         max-width: 1120px; padding: 0 1rem; }
  h1 { font-size: 1.35rem; margin: 0; }
  h2 { font-size: 1.05rem; margin: 0 0 .4rem; }
  p { margin: .3rem 0 .8rem; }
  .bar { display: flex; flex-wrap: wrap; gap: .6rem 1.1rem; align-items: center;
         background: #f3f4f6; border-radius: 8px; padding: .6rem .8rem; margin: .8rem 0; }
  .bar input[type=range] { flex: 1 1 16rem; }
  .group { display: inline-flex; gap: .25rem; align-items: center; }
  button, select { font: inherit; padding: .15rem .6rem; border: 1px solid #b8bcc4;
                   border-radius: 6px; background: white; cursor: pointer; }
  button.on { background: #1c1c1c; color: white; border-color: #1c1c1c; }
  .main { display: grid; grid-template-columns: minmax(320px, 620px) 1fr; gap: 1.5rem; }
  @media (max-width: 860px) { .main { grid-template-columns: 1fr; } }
  svg { width: 100%; display: block; }
  svg .thing { cursor: pointer; }
  table { border-collapse: collapse; }
  td, th { padding: .15rem .6rem; text-align: left; border-bottom: 1px solid #e3e5e9; }
  #weights { width: 100%; }
  .meter { display: inline-block; height: .75rem; border-radius: 3px; vertical-align: middle; }
  .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
  .dot { display: inline-block; width: .75rem; height: .75rem; border-radius: 50%;
         vertical-align: -1px; margin-right: .25rem; }
  small { color: #555; }
</style>
</head>
<body>
<h1>@@TITLE@@</h1>
<p>@@ABOUT@@</p>
<div class="bar">
  <span class="group">
    <button id="back" title="left arrow key">&#9664;</button>
    <button id="play" title="space bar">play</button>
    <button id="forward" title="right arrow key">&#9654;</button>
  </span>
  <input id="step" type="range" min="0" value="0" aria-label="step">
  <span id="where"></span>
</div>
"""

HELPERS = """const element = (id) => document.getElementById(id);
const percent = (x) => (100 * x).toFixed(x < 0.0995 ? 1 : 0) + "%";
"""

PLAYING = """function go(to) {
  state.step = Math.min(Math.max(to, 0), data.steps.length - 1);
  draw();
}
function play() {
  if (state.timer) { clearInterval(state.timer); state.timer = null; }
  else {
    if (state.step === data.steps.length - 1) go(0);
    state.timer = setInterval(() => {
      if (state.step === data.steps.length - 1) play(); else go(state.step + 1);
    }, 450);
  }
  element("play").textContent = state.timer ? "stop" : "play";
}

element("step").max = data.steps.length - 1;
element("step").addEventListener("input", (event) => go(Number(event.target.value)));
element("back").addEventListener("click", () => go(state.step - 1));
element("forward").addEventListener("click", () => go(state.step + 1));
element("play").addEventListener("click", play);
"""

CHOICE = """for (const name of ["block", "head"])
  element(name + "s").addEventListener("click", (event) => {
    if (event.target.dataset.value) { state[name] = Number(event.target.dataset.value); draw(); }
  });
"""

KEYS = """document.addEventListener("keydown", (event) => {
  if (["INPUT", "SELECT", "BUTTON"].includes(event.target.tagName)) return;
  if (event.key === "ArrowLeft") go(state.step - 1);
  if (event.key === "ArrowRight") go(state.step + 1);
  if (event.key === " ") { event.preventDefault(); play(); }
});
"""

_PANES = """<div class="bar">
  <span class="group" id="blocks"></span>
  <span class="group" id="heads"></span>
  <label class="group">from <select id="source"></select></label>
@@CHOICES@@</div>
<div class="main">
  <div>
    <svg id="board" role="img" aria-label="@@BOARD@@"></svg>
    <p id="legend"></p>
  </div>
  <div>
    <h2 id="heading"></h2>
    <table id="weights"></table>
    <h2 style="margin-top:1rem">What the agent does</h2>
    <p id="decision"></p>
@@DECISION@@    <p><a id="picture" href="#">All heads of this step in one picture</a><br>
       <a href="@@GIF@@">The episode as an animation</a></p>
  </div>
</div>
"""


def panes(board: str, choices: str = "", decision: str = "") -> str:
    """Returns the choice of block, head and source, the board, and what is said beside it.

    Args:
      board: what the board shows, in words.
      choices: lines of markup, for more to choose.
      decision: lines of markup, for more about what the agent does.
    """
    filled = _PANES.replace("@@BOARD@@", board).replace("@@CHOICES@@", choices)
    return filled.replace("@@DECISION@@", decision)


_PANES_OF_BOXWORLD = panes(
    "the board with arrows of attention",
    """  <label class="group"><input id="others" type="checkbox"> distractors attend too</label>
""",
    """    <table id="policy"></table>
""",
)

_AVERAGES = """<h2 style="margin-top:1.5rem">Who attends to whom, on average</h2>
<p>Mean attention over @@OVER@@ from one kind of object to another, and how many times the share it
would get if every entity got the same. The paper found one head in which each key attends mostly
to the locks it opens, and another in which every object attends to the agent.
<a href="@@TABLE@@">All pairs as a table</a></p>
<table>
@@CLAIMS@@
</table>
<script>
"use strict";
const data = @@DATA@@;
const state = { step: 0, block: 0, head: 0, source: "", timer: null };
"""

_DRAWING = """const middle = (cell) => [cell % data.size + 0.5, Math.floor(cell / data.size) + 0.5];
const textOf = (s) => s.replace(/&/g, "&amp;").replace(/</g, "&lt;");

// The label under which a held key still counts as the same object.
const nameOf = (thing) => thing.label.replace(/^held /, "");
const visible = (step) => step.sources.filter((i) => step.things[i].path
  || element("others").checked || nameOf(step.things[i]) === state.source);
const chosen = (step) => {
  const found = visible(step).filter((i) => nameOf(step.things[i]) === state.source);
  return found.length ? found : visible(step);
};

function arrow(from, to, weight, color) {
  const [x0, y0] = middle(from), [x1, y1] = middle(to), stroke = 0.03 + 0.07 * weight;
  if (from === to)
    return `<circle cx="${x0}" cy="${y0}" r="0.66" fill="none" stroke="${color}"
      stroke-width="${stroke}" opacity="${weight}"/>`;
  const cx = (x0 + x1) / 2 + 0.16 * (y1 - y0), cy = (y0 + y1) / 2 - 0.16 * (x1 - x0);
  const at = (t) => [0, 1].map((k) => (1 - t) ** 2 * [x0, y0][k]
    + 2 * t * (1 - t) * [cx, cy][k] + t ** 2 * [x1, y1][k]);
  const length = Math.hypot(x1 - x0, y1 - y0), head = 0.24 + 0.16 * weight;
  const tip = at(1 - 0.3 / length), back = at(Math.max(0, 1 - (0.3 + head) / length));
  const dx = tip[0] - back[0], dy = tip[1] - back[1], norm = Math.hypot(dx, dy) || 1;
  const sx = -0.4 * head * dy / norm, sy = 0.4 * head * dx / norm;
  const points = Array.from({ length: 25 }, (_, i) => at(i / 24))
    .filter((p) => Math.hypot(p[0] - x1, p[1] - y1) >= 0.3 + head);
  return `<g opacity="${weight}"><polyline points="${[...points, back].join(" ")}" fill="none"
      stroke="${color}" stroke-width="${stroke}"/>
    <polygon points="${tip} ${back[0] + sx},${back[1] + sy} ${back[0] - sx},${back[1] - sy}"
      fill="${color}"/></g>`;
}

function drawBoard(step) {
  const parts = [];
  for (let cell = 0; cell < data.size * data.size; cell++) {
    const color = data.palette[step.board.charCodeAt(cell) - 97];
    parts.push(`<rect x="${cell % data.size}" y="${Math.floor(cell / data.size)}" width="1"
      height="1" fill="${color}" shape-rendering="crispEdges"/>`);
  }
  for (let i = 2; i < data.size - 1; i++)
    parts.push(`<path d="M${i} 1V${data.size - 1}M1 ${i}H${data.size - 1}" stroke="white"
      stroke-width="0.012" opacity="0.6"/>`);
  for (const thing of step.things.filter((thing) => thing.kind === "lock")) {
    const [x, y] = middle(thing.cell);
    const full = step.things.some((t) => t.box === thing.box && t.cell === thing.cell - 1);
    parts.push(`<rect x="${x - (full ? 1.5 : 0.5)}" y="${y - 0.5}" width="${full ? 2 : 1}"
      height="1" fill="none" stroke="#333" stroke-width="0.04"/>`);
  }
  const arrows = [];
  for (const i of chosen(step)) {
    const k = step.sources.indexOf(i), thing = step.things[i];
    for (const [cell, weight] of step.weights[state.block][state.head][k])
      if (weight >= data.minWeight)
        arrows.push([weight, arrow(thing.cell, cell, weight, data.arrowColors[thing.kind])]);
  }
  arrows.sort((a, b) => a[0] - b[0]);
  parts.push(...arrows.map((entry) => entry[1]));
  step.things.forEach((thing, i) => {
    const [x, y] = middle(thing.cell), words = thing.label.split(" ");
    const marked = nameOf(thing) === state.source;
    const ink = thing.kind === "agent" ? "#fff" : "#111";
    const paper = data.palette[step.board.charCodeAt(thing.cell) - 97];
    const lines = words.map((word, n) => `<tspan x="${x}"
      y="${y + 0.1 + 0.27 * (n - (words.length - 1) / 2)}">${textOf(word)}</tspan>`).join("");
    parts.push(`<g class="thing" data-name="${textOf(nameOf(thing))}">
      <rect x="${x - 0.5}" y="${y - 0.5}" width="1" height="1" fill="transparent"
        ${marked ? 'stroke="#111" stroke-width="0.1"' : ""}/>
      <text font-size="0.29" text-anchor="middle" style="paint-order:stroke" stroke-width="0.07"
        stroke="${paper}" fill="${ink}"
        font-style="${thing.path ? "normal" : "italic"}">${lines}</text></g>`);
  });
  const [x, y] = middle(step.things[0].cell);
  const [dx, dy] = [[0, -1], [0, 1], [-1, 0], [1, 0]][step.action];
  parts.push(`<polygon points="${x + 0.85 * dx},${y + 0.85 * dy}
    ${x + 0.58 * dx + 0.16 * dy},${y + 0.58 * dy + 0.16 * dx}
    ${x + 0.58 * dx - 0.16 * dy},${y + 0.58 * dy - 0.16 * dx}"
    fill="white" stroke="#111" stroke-width="0.03"/>`);
  const board = element("board");
  board.setAttribute("viewBox", `0 0 ${data.size} ${data.size}`);
  board.innerHTML = parts.join("");
}

function drawWeights(step) {
  const labels = new Map(step.things.map((thing) => [thing.cell, thing.label]));
  const label = (from, to) => to === from ? "itself"
    : labels.get(to) || `row ${Math.floor(to / data.size)}, column ${to % data.size}`;
  const row = (name, target, weight, color) => `<tr><td>${textOf(name)}</td>
    <td>${textOf(target)}</td><td class="number">${percent(weight)}</td><td style="width:35%">
    <span class="meter" style="width:${100 * weight}%;background:${color}"></span></td></tr>`;
  const rows = [], found = chosen(step);
  const single = found.length === 1 && nameOf(step.things[found[0]]) === state.source;
  for (const i of found) {
    const thing = step.things[i], k = step.sources.indexOf(i);
    const weights = [...step.weights[state.block][state.head][k]].sort((a, b) => b[1] - a[1]);
    for (const [cell, weight] of weights.slice(0, single ? 12 : 1))
      rows.push(row(thing.label, label(thing.cell, cell), weight, data.arrowColors[thing.kind]));
  }
  element("heading").textContent = single
    ? `What ${state.source} attends to` : "What each object attends to most";
  element("weights").innerHTML = "<tr><th>from</th><th>to</th><th>weight</th><th></th></tr>"
    + rows.join("");
}

function drawDecision(step) {
  const soFar = data.steps.slice(0, state.step).reduce((sum, s) => sum + s.reward, 0);
  element("where").textContent = `step ${state.step + 1} of ${data.steps.length}`;
  element("decision").textContent = `Goes ${data.actions[step.action]}; holds `
    + `${step.held || "nothing"}; reward so far ${soFar}, this step ${step.reward}; `
    + `expects a discounted return of ${step.value.toFixed(2)} from here.`;
  element("policy").innerHTML = data.actions.map((name, i) => `<tr><td>${name}</td>
    <td class="number">${percent(step.probabilities[i])}</td><td style="width:12rem">
    <span class="meter" style="width:${100 * step.probabilities[i]}%;background:#888"></span>
    </td></tr>`).join("");
  element("picture").href = data.pictures[state.step];
}

function drawControls(step) {
  const buttons = (id, count, name) => {
    element(id).innerHTML = name + " " + Array.from({ length: count }, (_, i) => `<button
      data-value="${i}" class="${state[name] === i ? "on" : ""}">${i + 1}</button>`).join("");
  };
  buttons("blocks", data.blocks, "block");
  buttons("heads", data.heads, "head");
  const names = [...new Set(visible(step).map((i) => nameOf(step.things[i])))];
  element("source").innerHTML = `<option value="">every object</option>` + names.map((name) =>
    `<option ${name === state.source ? "selected" : ""}>${textOf(name)}</option>`).join("");
  element("step").value = state.step;
}

function draw() {
  const step = data.steps[state.step];
  drawControls(step); drawBoard(step); drawWeights(step); drawDecision(step);
}
"""

_LISTENERS = """element("others").addEventListener("change", draw);
element("source").addEventListener("change", (event) => {
  state.source = event.target.value; draw();
});
"""

_BOARD = """element("board").addEventListener("click", (event) => {
  const thing = event.target.closest(".thing");
  const name = thing ? thing.dataset.name : "";
  state.source = name === state.source ? "" : name; draw();
});
"""

_LEGEND = """\
element("legend").innerHTML = "An arrow goes from an object to what it attends to, the more opaque "
  + "the larger the weight; a ring: to itself. "
  + Object.entries(data.arrowColors).map(([kind, color]) =>
    `<span class="dot" style="background:${color}"></span>${kind}`).join(" &nbsp; ")
  + `. Below ${Math.round(100 * data.minWeight)}% nothing is drawn. Key k opens lock k; `
  + "D: distractors. Click an object to see only its arrows.";
draw();
</script>
</body>
</html>
"""

TEMPLATE = "".join(
    (
        HEAD,
        _PANES_OF_BOXWORLD,
        _AVERAGES,
        HELPERS,
        _DRAWING,
        PLAYING,
        _LISTENERS,
        CHOICE,
        _BOARD,
        KEYS,
        _LEGEND,
    )
)
