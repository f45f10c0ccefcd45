// The entities of any game: cells over the image that the agent sees, or marks on a circle.

const EVERY = "all entities";
const middle = ([left, top, width, height]) => [left + width / 2, top + height / 2];

// What each entity gets: from the chosen one, or from all on average.
function received(step) {
  const rows = step.weights[state.block][state.head];
  const from = state.source === EVERY ? null : Number(state.source);
  if (from !== null) return rows[from].map((weight) => weight / 1000);
  return step.names.map((_, to) =>
    rows.reduce((sum, row) => sum + row[to], 0) / (1000 * rows.length));
}

const rectangle = ([x, y, width, height], attributes) =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" ${attributes}/>`;

function arrowsOf(step, weights) {
  if (state.source === EVERY || step.view) return "";
  const [x, y] = middle(step.places[Number(state.source)]);
  return step.places.map((place, to) => {
    const [u, v] = middle(place);
    return weights[to] < 0.02 || to === Number(state.source) ? "" : `<line x1="${x}" y1="${y}"
      x2="${u}" y2="${v}" stroke="currentColor" stroke-width="0.006"
      stroke-opacity="${weights[to]}"/>`;
  }).join("");
}

function thingOf(step, index, weight, darkest) {
  const place = step.places[index], [x, y] = middle(place);
  const label = escapeText(`${step.names[index]}: ${percent(weight)}`);
  const chosen = String(index) === state.source;
  return `<g class="thing" data-name="${index}" data-x="${x}" data-y="${y}" aria-label="${label}">
    ${rectangle(place, `fill="${data.heatColor}" fill-opacity="${0.85 * weight / darkest}"
      stroke="${chosen ? "#111" : "#999"}" stroke-width="${chosen ? 0.007 : 0.002}"`)}
    <title>${label}</title>${ring(...place, 0.006)}</g>`;
}

// Beside the marks on a circle; cells are told by where they are.
function nameOf(step, index) {
  const [x, y] = middle(step.places[index]), high = step.places[index][3];
  return step.view || step.names.length > 24 ? "" : `<text x="${x}" y="${y + high / 2 + 0.03}"
    font-size="0.025" text-anchor="middle" fill="currentColor">${escapeText(step.names[index])}
    </text>`;
}

function drawBoard(step, weights) {
  const darkest = Math.max(...weights, data.faintest / Math.max(weights.length, 1));
  const view = step.view ? `<image href="${step.view}" x="0" y="0" width="1" height="1"
    preserveAspectRatio="none" style="image-rendering:pixelated" opacity="0.55"/>` : "";
  showBoard("-0.02 -0.02 1.04 1.04", view + arrowsOf(step, weights)
    + step.names.map((_, index) => thingOf(step, index, weights[index], darkest) + nameOf(step, index)).join(""));
}

function drawTable(step, weights) {
  element("heading").textContent = state.source === EVERY
    ? "What gets most attention, on average"
    : `What ${step.names[Number(state.source)]} attends to`;
  const most = weights.map((_, index) => index).sort((a, b) => weights[b] - weights[a]);
  const rest = step.leftOut ? `<tr><td colspan="3">${step.leftOut} entities with less attention
    are not shown</td></tr>` : "";
  element("weights").innerHTML = '<tr><th>entity</th><th class="number">weight</th><th></th></tr>'
    + most.slice(0, 10).map((index) => `<tr><td>${escapeText(step.names[index])}</td>
      <td class="number">${percent(weights[index])}</td>
      ${meter(weights[index], data.heatColor)}</tr>`).join("") + rest;
}

start({
  everything: EVERY,
  sources: (step) => [[EVERY, EVERY], ...step.names.map((name, index) => [String(index), name])],
  draw: (step) => {
    if (state.source !== EVERY && Number(state.source) >= step.names.length) state.source = EVERY;
    const weights = received(step);
    drawBoard(step, weights);
    drawTable(step, weights);
    element("game").hidden = !step.frame;
    if (step.frame) element("frame").src = step.frame;
    element("decision").textContent = `${step.text}; expects a discounted return of `
      + `${step.value.toFixed(2)} from here.`;
  },
});
