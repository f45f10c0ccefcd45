"use strict";
// What the pages share: choosing a step, a block, a head and who attends, by pointer and by key.
//
// A page calls `start` with
//   everything    the value of the choice "from" that stands for all
//   sources(step) what there is to choose from, [value, text] each
//   draw(step)    draws all but the controls; `showBoard` puts the board up
// An element of the board that can be chosen has the class "thing" and data-name (what is chosen),
// data-x and data-y (its middle).

const element = (id) => document.getElementById(id);
const data = JSON.parse(element("data").textContent);
const state = { step: 0, block: 0, head: 0, source: "", focus: null, timer: null };
let page;

const percent = (share) => (100 * share).toFixed(share < 0.0995 ? 1 : 0) + "%";
const escapeText = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const meter = (share, color) => `<td class="bars"><span class="track"><span class="meter"
  style="width:${100 * share}%;background:${color}"></span></span></td>`;

function draw() {
  const step = data.steps[state.step];
  for (const name of ["block", "head"])
    for (const button of element(name + "s").querySelectorAll("button"))
      button.setAttribute("aria-pressed", Number(button.dataset.value) === state[name]);
  drawSources(page.sources(step));
  element("step").value = state.step;
  element("where").textContent = `step ${step.number} of ${data.count}`;
  page.draw(step);
  drawPicture();
}

function drawSources(sources) {
  const options = sources.map(([value, text]) =>
    `<option value="${escapeText(value)}">${escapeText(text)}</option>`).join("");
  const select = element("source");
  // Only if there is something new: a list that is open would close.
  if (select.dataset.options !== options) {
    select.innerHTML = options;
    select.dataset.options = options;
  }
  // What is chosen may be gone at this step: all is drawn then.
  const isThere = sources.some(([value]) => value === state.source);
  select.value = isThere ? state.source : page.everything;
}

function drawPicture() {
  const file = data.pictures[state.step];
  element("picture").href = file;
  if (element("drawing").open) element("image").src = file;
}

// Replaces the board, and keeps the focus where it was.
function showBoard(viewBox, markup) {
  const board = element("board"), focused = board.contains(document.activeElement);
  board.setAttribute("viewBox", viewBox);
  board.innerHTML = markup;
  const things = [...board.querySelectorAll(".thing")];
  const current = things.find((thing) => thing.dataset.name === state.focus) || things[0];
  for (const thing of things) {
    thing.setAttribute("role", "button");
    thing.setAttribute("aria-pressed", thing.dataset.name === state.source);
    thing.setAttribute("tabindex", thing === current ? 0 : -1);
  }
  if (focused && current) current.focus({ preventScroll: true });
}

const ring = (x, y, width, height, stroke) =>
  [["#fff", 2], ["#000", 1]].map(([color, times]) => `<rect class="ring" x="${x}" y="${y}"
    width="${width}" height="${height}" stroke="${color}" stroke-width="${times * stroke}"/>`)
    .join("");

function go(to) {
  state.step = Math.min(Math.max(to, 0), data.steps.length - 1);
  draw();
}

function play() {
  const last = data.steps.length - 1;
  if (state.timer) {
    clearInterval(state.timer);
    state.timer = null;
  } else {
    if (state.step === last) go(0);
    state.timer = setInterval(() => { if (state.step === last) play(); else go(state.step + 1); },
      450);
  }
  element("play").textContent = state.timer ? "stop" : "play";
}

// Choosing what is chosen already, or nothing, goes back to all.
function choose(name) {
  state.source = name === undefined || name === state.source ? page.everything : name;
  draw();
}

const DIRECTIONS = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
};

// Focuses the nearest thing in a direction; what lies to the side of it counts as farther.
function moveFocus(from, [dx, dy]) {
  const place = (thing) => [Number(thing.dataset.x), Number(thing.dataset.y)];
  const [x, y] = place(from);
  const found = [...element("board").querySelectorAll(".thing")].map((thing) => {
    const [u, v] = place(thing), along = dx * (u - x) + dy * (v - y);
    const aside = Math.abs(dy * (u - x)) + Math.abs(dx * (v - y));
    return [along > 1e-6 ? along + 2 * aside : Infinity, thing];
  });
  const [distance, nearest] = found.reduce((best, next) => (next[0] < best[0] ? next : best));
  if (distance < Infinity) nearest.focus({ preventScroll: true });
}

function onBoardKey(event) {
  const thing = event.target.closest(".thing");
  if (!thing || event.ctrlKey || event.altKey || event.metaKey) return;
  if (DIRECTIONS[event.key]) moveFocus(thing, DIRECTIONS[event.key]);
  else if (event.key === "Enter" || event.key === " ") choose(thing.dataset.name);
  else return;
  event.preventDefault();
}

// The keys that a focused element acts on by itself; doing both would do things twice.
function ownsKey(target, key) {
  if (target.closest("select") || target.closest("input[type=range]")) return true;
  return key === " " && Boolean(target.closest("button, input, summary"));
}

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
  if (ownsKey(event.target, event.key)) return;
  const actions = {
    ArrowLeft: () => go(state.step - 1),
    ArrowRight: () => go(state.step + 1),
    Home: () => go(0),
    End: () => go(data.steps.length - 1),
    " ": play,
    p: play,
  };
  if (!actions[event.key]) return;
  event.preventDefault();
  actions[event.key]();
}

function toggleTheme() {
  const root = document.documentElement, button = element("theme");
  root.style.colorScheme = button.textContent;
  nameTheme();
}

// The button names what it changes to.
function nameTheme() {
  const chosen = document.documentElement.style.colorScheme;
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  element("theme").textContent = dark ? "light" : "dark";
}

function start(drawn) {
  page = drawn;
  state.source = page.everything;
  for (const name of ["block", "head"]) {
    const group = element(name + "s");
    for (let i = 0; i < data[name + "s"]; i++)
      group.insertAdjacentHTML("beforeend", `<button type="button" data-value="${i}"
        aria-label="${name} ${i + 1}">${i + 1}</button>`);
    group.addEventListener("click", (event) => {
      const value = event.target.dataset.value;
      if (value !== undefined) { state[name] = Number(value); draw(); }
    });
  }
  element("step").max = data.steps.length - 1;
  element("step").addEventListener("input", (event) => go(Number(event.target.value)));
  element("back").addEventListener("click", () => go(state.step - 1));
  element("forward").addEventListener("click", () => go(state.step + 1));
  element("play").addEventListener("click", play);
  element("theme").addEventListener("click", toggleTheme);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);
  element("source").addEventListener("change", (event) => {
    state.source = event.target.value;
    draw();
  });
  const board = element("board");
  board.addEventListener("click", (event) => choose(event.target.closest(".thing")?.dataset.name));
  board.addEventListener("keydown", onBoardKey);
  // Of the document: a listener for focus makes an <svg> itself a stop of the Tab key.
  document.addEventListener("focusin", (event) => {
    const thing = event.target.closest(".thing");
    if (!thing) return;
    state.focus = thing.dataset.name;
    for (const other of board.querySelectorAll(".thing"))
      other.setAttribute("tabindex", other === thing ? 0 : -1);
  });
  const shown = (is) => { element("picture").hidden = !is; element("missing").hidden = is; };
  element("image").addEventListener("load", () => shown(true));
  element("image").addEventListener("error", () => shown(false));
  element("drawing").addEventListener("toggle", drawPicture);
  document.addEventListener("keydown", onKey);
  nameTheme();
  draw();
}
