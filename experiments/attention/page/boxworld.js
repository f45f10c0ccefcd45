// The board of Box-World with arrows between its objects.

const middle = (cell) => [cell % data.size + 0.5, Math.floor(cell / data.size) + 0.5];
const codeOf = (step, cell) => step.board.charCodeAt(cell) - 97;

// The name under which a held key still counts as the same object.
const nameOf = (thing) => thing.label.replace(/^held /, "");
// "lock D1" in a line as narrow as a telephone: "LD1".
const shortOf = (thing) => {
  const [first, ...rest] = nameOf(thing).split(" ");
  return first[0].toUpperCase() + rest.join("");
};
const place = (thing) => thing.cell === 0 ? "held by the agent"
  : `row ${Math.floor(thing.cell / data.size)}, column ${thing.cell % data.size}`;
const describe = (thing) => [
  nameOf(thing), thing.path ? "" : "distractor", thing.color || "", place(thing),
].filter((part) => part).join(", ");

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
  // A quadratic curve that bends to its left, so that there and back do not cover each other.
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

function cellsOf(step) {
  const parts = [];
  for (let cell = 0; cell < data.size * data.size; cell++)
    parts.push(`<rect x="${cell % data.size}" y="${Math.floor(cell / data.size)}" width="1"
      height="1" fill="${data.palette[codeOf(step, cell)]}" shape-rendering="crispEdges"/>`);
  for (let i = 2; i < data.size - 1; i++)
    parts.push(`<path d="M${i} 1V${data.size - 1}M1 ${i}H${data.size - 1}" stroke="white"
      stroke-width="0.012" opacity="0.6"/>`);
  return parts;
}

// An outline around each box, or around what is left of it.
function boxesOf(step) {
  return step.things.filter((thing) => thing.kind === "lock").map((thing) => {
    const [x, y] = middle(thing.cell);
    const full = step.things.some((t) => t.box === thing.box && t.cell === thing.cell - 1);
    return `<rect x="${x - (full ? 1.5 : 0.5)}" y="${y - 0.5}" width="${full ? 2 : 1}"
      height="1" fill="none" stroke="#333" stroke-width="0.04"/>`;
  });
}

// The weakest first, so that the strongest is on top.
function arrowsOf(step) {
  const arrows = chosen(step).flatMap((i) => {
    const thing = step.things[i], k = step.sources.indexOf(i);
    return step.weights[state.block][state.head][k]
      .filter(([, weight]) => weight >= data.minWeight)
      .map(([cell, weight]) =>
        [weight, arrow(thing.cell, cell, weight, data.arrowColors[thing.kind])]);
  });
  return arrows.sort((a, b) => a[0] - b[0]).map(([, markup]) => markup);
}

function thingOf(step, thing) {
  const [x, y] = middle(thing.cell), words = thing.label.split(" ");
  const code = codeOf(step, thing.cell), marked = nameOf(thing) === state.source;
  const lines = words.map((word, n) => `<tspan x="${x}"
    y="${y + 0.1 + 0.27 * (n - (words.length - 1) / 2)}">${escapeText(word)}</tspan>`).join("");
  const style = `text-anchor="middle" style="paint-order:stroke" stroke-width="0.07"
    stroke="${data.palette[code]}" fill="${data.inks[code]}"
    font-style="${thing.path ? "normal" : "italic"}"`;
  return `<g class="thing" data-name="${escapeText(nameOf(thing))}" data-x="${x}" data-y="${y}"
      aria-label="${escapeText(describe(thing))}">
    <rect x="${x - 0.5}" y="${y - 0.5}" width="1" height="1" fill="transparent"
      ${marked ? 'stroke="#111" stroke-width="0.1"' : ""}/>
    <text class="long" font-size="0.29" ${style}>${lines}</text>
    <text class="short" font-size="0.44" x="${x}" y="${y + 0.16}"
      ${style}>${escapeText(shortOf(thing))}</text>
    ${ring(x - 0.5, y - 0.5, 1, 1, 0.09)}</g>`;
}

// A pointer beside the agent, towards where it goes.
function pointerOf(step) {
  const [x, y] = middle(step.things[0].cell);
  const [dx, dy] = [[0, -1], [0, 1], [-1, 0], [1, 0]][step.action];
  return `<polygon points="${x + 0.85 * dx},${y + 0.85 * dy}
    ${x + 0.58 * dx + 0.16 * dy},${y + 0.58 * dy + 0.16 * dx}
    ${x + 0.58 * dx - 0.16 * dy},${y + 0.58 * dy - 0.16 * dx}"
    fill="white" stroke="#111" stroke-width="0.03"/>`;
}

function drawBoard(step) {
  const things = step.things.map((thing) => thingOf(step, thing));
  showBoard(`0 0 ${data.size} ${data.size}`, [
    ...cellsOf(step), ...boxesOf(step), ...arrowsOf(step), pointerOf(step), ...things,
  ].join(""));
}

function drawWeights(step) {
  const labels = new Map(step.things.map((thing) => [thing.cell, thing.label]));
  const label = (from, to) => to === from ? "itself"
    : labels.get(to) || `row ${Math.floor(to / data.size)}, column ${to % data.size}`;
  const row = (name, target, weight, color) => `<tr><td>${escapeText(name)}</td>
    <td>${escapeText(target)}</td><td class="number">${percent(weight)}</td>
    ${meter(weight, color)}</tr>`;
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
  element("weights").innerHTML = "<tr><th>from</th><th>to</th>"
    + '<th class="number">weight</th><th></th></tr>' + rows.join("");
}

function drawDecision(step) {
  const soFar = data.steps.slice(0, state.step).reduce((sum, s) => sum + s.reward, 0);
  element("decision").textContent = `Goes ${data.actions[step.action]}; holds `
    + `${step.held || "nothing"}; reward so far ${soFar}, this step ${step.reward}; `
    + `expects a discounted return of ${step.value.toFixed(2)} from here.`;
  element("policy").innerHTML = data.actions.map((name, i) => `<tr><td>${name}</td>
    <td class="number">${percent(step.probabilities[i])}</td>
    ${meter(step.probabilities[i], "#5a6270")}</tr>`).join("");
}

element("others").addEventListener("change", draw);
start({
  everything: "",
  sources: (step) => {
    const names = new Set(visible(step).map((i) => nameOf(step.things[i])));
    return [["", "every object"], ...[...names].map((name) => [name, name])];
  },
  draw: (step) => { drawBoard(step); drawWeights(step); drawDecision(step); },
});
