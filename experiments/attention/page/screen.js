// The screen of a mini-game, its cells darker the more attention they get.

const EVERY = "all cells", OWN = "own units", WHERE = "where it acts";
const everyCell = Array.from({ length: data.rows * data.columns }, (_, cell) => cell);
const [width, height] = [1 / data.columns, 1 / data.rows];
const corner = (cell) => [(cell % data.columns) * width, Math.floor(cell / data.columns) * height];
const nameOf = (cell) =>
  `row ${Math.floor(cell / data.columns) + 1}, column ${cell % data.columns + 1}`;

function cellsFrom(step) {
  if (state.source === EVERY) return everyCell;
  if (state.source === OWN) return step.own;
  if (state.source === WHERE) return step.target === null ? [] : [step.target];
  return [Number(state.source)];
}

// What each cell gets from some cells on average.
function received(step, cells) {
  const rows = step.weights[state.block][state.head];
  return everyCell.map((to) =>
    cells.reduce((sum, from) => sum + rows[from][to], 0) / (1000 * Math.max(cells.length, 1)));
}

function rectangle(cell, attributes) {
  const [x, y] = corner(cell);
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" ${attributes}/>`;
}

function unitsOf(step) {
  const side = 1 / data.size;
  return [...step.sides].map((whose, i) => whose === "0" ? "" : `<rect
    x="${(i % data.size) * side}" y="${Math.floor(i / data.size) * side}" width="${side}"
    height="${side}" fill="${data.sideColors[whose]}" shape-rendering="crispEdges"/>`);
}

function crossOf(step) {
  if (!step.place) return "";
  const [x, y] = step.place, r = 0.018;
  return `<path d="M${x - r} ${y - r}L${x + r} ${y + r}M${x - r} ${y + r}L${x + r} ${y - r}"
    stroke="#111" stroke-width="0.008"/>`;
}

function thingOf(step, cell, weight) {
  const [x, y] = corner(cell), label = `${nameOf(cell)}: ${percent(weight)}`;
  const own = step.own.includes(cell) ? ", own units" : "";
  return `<g class="thing" data-name="${cell}" data-x="${x + width / 2}" data-y="${y + height / 2}"
    aria-label="${label}${own}">${rectangle(cell, 'fill="transparent"')}<title>${label}</title>
    ${ring(x, y, width, height, 0.006)}</g>`;
}

function drawScreen(step, cells, weights) {
  const darkest = Math.max(...weights, data.faintest / everyCell.length);
  const outlined = cells.length < everyCell.length ? cells : [];
  showBoard("-0.005 -0.005 1.01 1.01", [
    ...everyCell.map((cell) => rectangle(cell, `stroke="#ccc" stroke-width="0.002"
      fill="${data.heatColor}" fill-opacity="${weights[cell] / darkest}"`)),
    ...unitsOf(step),
    ...outlined.map((cell) => rectangle(cell, 'fill="none" stroke="#111" stroke-width="0.007"')),
    crossOf(step),
    ...everyCell.map((cell) => thingOf(step, cell, weights[cell])),
  ].join(""));
}

function drawWeights(cells, weights) {
  element("heading").textContent = cells.length
    ? "What they attend to most, on average" : "No such cell at this step";
  const most = everyCell.filter(() => cells.length).sort((a, b) => weights[b] - weights[a]);
  element("weights").innerHTML = '<tr><th>cell</th><th class="number">weight</th><th></th></tr>'
    + most.slice(0, 10).map((cell) => `<tr><td>${nameOf(cell)}</td>
      <td class="number">${percent(weights[cell])}</td>
      ${meter(weights[cell], data.heatColor)}</tr>`).join("");
}

start({
  everything: EVERY,
  sources: () => [...[EVERY, OWN, WHERE].map((name) => [name, name]),
    ...everyCell.map((cell) => [String(cell), nameOf(cell)])],
  draw: (step) => {
    const cells = cellsFrom(step), weights = received(step, cells);
    drawScreen(step, cells, weights);
    drawWeights(cells, weights);
    element("decision").textContent = `${step.text}; expects a discounted return of `
      + `${step.value.toFixed(2)} from here.`;
  },
});
