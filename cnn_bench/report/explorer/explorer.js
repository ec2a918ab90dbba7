// Draws the charts, and keeps what a reader chose in the address, so that a view can be sent.
const root = document.getElementById('explorer');
const given = JSON.parse(root.querySelector('script[type="application/json"]').textContent);
const control = (name) => root.querySelector(`[name="${name}"]`);
const axis = (name, field) => given[name].find((one) => one.field === field);
const means = given.rows.filter((row) => row.kind === 'mean');
const lists = ['off', 'without', 'pin']; // hidden groups and origins, labels of pinned networks
const choices = ['x', 'y', 'by', 'curve'];
const scales = ['xs', 'ys', 'cs'];
const shapes = { circle: '●', square: '■', 'triangle-up': '▲', diamond: '◆', 'triangle-down': '▼', cross: '✚', 'triangle-right': '▶', 'triangle-left': '◀' };
const start = { curve: control('curve')?.options[0].value, cs: 'linear', ...given.start };
let state;
const views = {};

function element(tag, text = '', ...children) {
  const made = document.createElement(tag);
  made.append(text, ...children);
  return made;
}

// The state and the address.
function read() {
  const asked = new URLSearchParams(location.hash.slice(1));
  state = { ...start, zoom: null };
  for (const name of [...choices, ...scales]) if (asked.get(name)) state[name] = asked.get(name);
  for (const name of lists) state[name] = asked.has(name) ? asked.getAll(name).filter(Boolean) : [...(start[name] ?? [])];
  if (!axis('costs', state.x)) state.x = start.x;
  if (!axis('errors', state.y)) state.y = start.y;
  if (!given.colours[state.by]) state.by = start.by;
  if (!given.kinds[state.curve]) state.curve = start.curve;
  for (const name of scales) if (!['log', 'linear'].includes(state[name])) state[name] = start[name];
  state.pin = state.pin.filter((label) => means.some((row) => row.label === label)).slice(0, 2);
  const zoom = (asked.get('zoom') ?? '').split(',').map(Number);
  if (zoom.length === 4 && zoom.every(Number.isFinite)) state.zoom = zoom;
}

function save() {
  const kept = new URLSearchParams();
  for (const name of [...choices, ...scales]) if (state[name] !== start[name]) kept.set(name, state[name]);
  for (const name of lists) {
    if ([...state[name]].sort().join('\n') === [...(start[name] ?? [])].sort().join('\n')) continue;
    for (const one of state[name].length ? state[name] : ['']) kept.append(name, one);
  }
  if (state.zoom) kept.set('zoom', state.zoom.map((end) => Number(end.toPrecision(5))));
  const own = kept.toString();
  const there = location.hash.slice(1);
  if (own === there || (!own && !there.includes('='))) return;
  history.replaceState(null, '', own ? `#${own}` : location.pathname + location.search);
}

// The charts.
function signals() {
  const { x, y } = { x: axis('costs', state.x), y: axis('errors', state.y) };
  const of = given.colours[state.by];
  return {
    colour_field: state.by,
    groups: of.groups,
    colours: of.colours.map((colour) => (colour.startsWith('#') ? colour : `var(--${colour})`)),
    hidden: state.off,
    hidden_origins: state.without,
    pinned: state.pin,
    scatter: {
      x_field: x.field, y_field: y.field, x_sign: x.sign, y_sign: y.sign, x_title: x.title, y_title: y.title,
      shapes: of.shapes, own_too: given.origins.includes('own'), most_params: Math.max(...means.map((row) => row.params)),
    },
    curves: { curve: state.curve, tops: given.tops, x_title: 'epoch', y_title: `${given.kinds[state.curve]} error (%)` },
  };
}

async function draw(name, kinds, rows, height) {
  const spec = structuredClone(given.specs[`${name}-${kinds.join('-')}`]);
  const { scatter, curves, ...both } = signals();
  const values = { ...both, ...{ scatter, curves }[name], height };
  for (const signal of spec.signals) if (signal.name in values) signal.value = values[signal.name];
  spec.height = height;
  spec.data.find((data) => data.name === 'rows').values = structuredClone(rows);
  views[name]?.finalize();
  delete views[name];
  // Only errors go to the console: without seeds a set of marks is empty, of which Vega warns.
  const plain = { mode: 'vega', renderer: 'svg', actions: false, defaultStyle: false, tooltip: false, hover: false, logLevel: 1 };
  const { view } = await vegaEmbed(`#explorer-${name}`, spec, plain);
  return (views[name] = view);
}

async function drawScatter() {
  const narrow = matchMedia('(max-width: 600px)').matches;
  const view = await draw('scatter', [state.xs, state.ys], given.rows, narrow ? 330 : 420);
  if (state.zoom) await zoomTo(state.zoom);
  const moved = () => {
    const zoom = [view.signal('zoom_x'), view.signal('zoom_y')];
    state.zoom = zoom.every(Boolean) ? zoom.flat() : null;
    save();
  };
  for (const name of ['zoom_x', 'zoom_y']) view.addSignalListener(name, moved);
  for (const name of ['zoom_x', 'zoom_y', 'width', 'hidden', 'hidden_origins', 'pinned']) {
    view.addSignalListener(name, () => view.runAfter(() => { settle(view); })); // not awaited: it waits for this run
  }
  await settle(view);
  say();
}

// Names are placed anew, once their marks are where they should be.
function settle(view) {
  return view.signal('settled', view.signal('settled') + 1).runAsync();
}

function drawCurves() {
  const opened = root.querySelector('.curves');
  if (!opened?.open) return;
  const rows = given.curves.flatMap((run) => run.epochs.map((epoch, i) => ({ ...run, epoch, error: run.errors[i] })));
  return draw('curves', ['linear', state.cs], rows, 260);
}

// One change after the other: a view that is still being drawn can't be changed.
let turn = Promise.resolve();
function next(work) {
  return (turn = turn.then(work));
}

function drawAll() {
  fill();
  save();
  compare();
  return next(() => Promise.all([drawScatter(), drawCurves()]));
}

function set(values) {
  for (const view of Object.values(views)) {
    for (const [name, value] of Object.entries(values)) view.signal(name, value);
    view.runAsync();
  }
}

// How many networks are shown, and which are on the front.
function say() {
  const view = views.scatter;
  const drawn = view.data('means').map((row) => row);
  const fronts = new Map();
  for (const row of drawn.filter((found) => found.front === 1).sort((a, b) => a.cost - b.cost)) {
    const name = row.mark ? `${row.origin}, ` : '';
    fronts.set(name, [...(fronts.get(name) ?? []), row.label]);
  }
  const [x, y] = [axis('costs', state.x).name, axis('errors', state.y).name];
  const said = [...fronts].map(([name, labels]) => `${name}${several(labels)}`);
  root.querySelector('.note output').textContent =
    `${drawn.length} of ${means.length} ${given.published ? 'results' : 'networks'}. Front of ${x} and ${y}: ${said.join('; ') || 'none'}.`;
}

// Names in a line; of many the first and the last.
function several(labels) {
  return labels.length > 4 && given.published ? `${labels.length} from ${labels[0]} to ${labels.at(-1)}` : labels.join(', ');
}

// Zoom: the ends of both axes, x from, to, y from, to.
function zoomTo(ends) {
  return views.scatter.signal('zoom_x', ends.slice(0, 2)).signal('zoom_y', ends.slice(2)).runAsync();
}

function move(factor, right = 0, up = 0) {
  const view = views.scatter;
  const ends = ['x', 'y'].flatMap((name) => {
    const scale = view.scale(name);
    const [from, to] = scale.range();
    const middle = (from + to) / 2 + (name === 'x' ? right : up) * (to - from);
    return [middle - (to - from) * factor / 2, middle + (to - from) * factor / 2].map((at) => scale.invert(at));
  });
  zoomTo(ends);
}

function reset() {
  state.zoom = null;
  save();
  return next(drawScatter);
}

// What is under the pointer: a mark is found within a few pixels, however small it is.
function nearest(name, event) {
  const view = views[name];
  const [left, top] = view.origin();
  const box = view.container().querySelector('svg').getBoundingClientRect();
  const at = [event.clientX - box.left - left, event.clientY - box.top - top];
  let best = null;
  let least = 12;
  const drawn = name === 'scatter' ? ['means', 'seeds', 'failed'] : ['lines'];
  const [x, y] = ['x', 'y'].map((one) => view.scale(name === 'scatter' ? one : `lines_${one}`));
  for (const row of drawn.flatMap((data) => view.data(data))) {
    const far = Math.hypot(x(row.x) - at[0], (row.kind && row.collapsed ? edge(view) : y(row.y)) - at[1]);
    const radius = row.kind === 'mean' ? Math.sqrt((900 * row.params) / signals().scatter.most_params / Math.PI) : 0;
    if (Math.max(0, far - radius) < least) [best, least] = [row, Math.max(0, far - radius) + 1e-3 * far];
  }
  return best;
}

function edge(view) {
  return view.signal('y_sign') > 0 ? 7 : view.height() - 7;
}

let under = null;
const tip = root.querySelector('.tip');
function point(name, event) {
  if (!views[name]) return;
  const found = event && nearest(name, event);
  const label = found?.label ?? '';
  if (label !== under) set({ hovered: (under = label) });
  tip.hidden = !found;
  if (!found) return;
  const details = found.details ?? [['seed', found.seed], [`${given.kinds[found.curve]} error`, `${found.error.toFixed(2)} %`], ['epoch', found.epoch], ['run', found.run]];
  const list = element('dl');
  for (const [key, value] of details) list.append(element('dt', key), element('dd', `${value}`));
  tip.replaceChildren(element('b', found.label), list);
  const left = event.clientX + 14 + tip.offsetWidth < innerWidth ? event.clientX + 14 : event.clientX - 14 - tip.offsetWidth;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, Math.min(event.clientY + 10, innerHeight - tip.offsetHeight - 8))}px`;
}

// Two networks compared.
function pin(label) {
  if (!label) return;
  const without = state.pin.filter((one) => one !== label);
  choose(without.length < state.pin.length ? without : [...without, label].slice(-2));
}

function choose(labels) {
  state.pin = labels;
  set({ pinned: labels });
  save();
  compare();
}

const decimals = (value) => value.toFixed(2).replace('-', '−');
const signed = (value) => (value > 0 ? `+${decimals(value)}` : decimals(value));
const chance = (p) => (p < 0.001 ? '< 0.001' : `= ${p.toFixed(3)}`);
function human(value) {
  const [sign, size] = [['G', 1e9], ['M', 1e6], ['k', 1e3]].find(([, least]) => value >= 0.9995 * least) ?? ['', 1];
  return `${Number((value / size).toPrecision(3))} ${sign}`.trim();
}

function compare() {
  for (const [place, name] of ['one', 'other'].entries()) {
    control(name).value = state.pin[place] ?? '';
  }
  const [one, other] = state.pin.map((label) => means.find((row) => row.label === label));
  root.querySelector('.compared').replaceChildren(...(other ? differences(one, other) : []));
}

function differences(one, other) {
  const turned = one.label > other.label ? -1 : 1; // pairs are in the order of the alphabet, by code point
  const pair = given.pairs[[one.label, other.label].sort(byCode).join('\n')] ?? { errors: {}, mcnemar: [] };
  const table = element('table', '', element('tr', '', ...['', one.label, other.label, 'difference', '95 % interval'].map(headed)));
  for (const { field, name } of given.errors.filter((found) => found.sign > 0)) {
    const [a, b, test] = [one[field], other[field], pair.errors[field]];
    if (a === null || b === null) continue;
    const [mean, low, high, n, over] = test ?? [turned * (b - a), null, null];
    const ends = (turned > 0 ? [low, high] : [high, low]).map((end) => turned * end);
    const none = given.most_compared ? `not computed for more than ${given.most_compared} networks` : 'no interval: one of each';
    const said = low === null ? none : `${ends.map(signed).join(' to ')}, ${n} ${over}`;
    table.append(row(name, `${decimals(a)} %`, `${decimals(b)} %`, `${signed(turned * mean)} points`, said));
  }
  for (const { field, name } of given.costs) {
    const [a, b] = [one[field], other[field]];
    if (a !== null && b !== null) table.append(row(name, human(a), human(b), `× ${Number((b / a).toPrecision(3))}`, ''));
  }
  const tests = pair.mcnemar.map(([seed, first, second, p]) => {
    const [only, others] = turned > 0 ? [first, second] : [second, first];
    return element('p', `McNemar, seed ${seed}: only ${one.label} is right on ${only} test images, only ${other.label} on ${others}; p ${chance(p)}.`);
  });
  return [table, ...tests];
}

const byCode = (a, b) => (a < b ? -1 : 1);
const headed = (text) => element('th', text);
const row = (name, ...cells) => element('tr', '', headed(name), ...cells.map((cell) => element('td', cell)));

// The controls.
function fill() {
  for (const name of choices) if (control(name)) control(name).value = state[name];
  for (const name of scales) if (control(name)) control(name).checked = state[name] === 'log';
  const of = given.colours[state.by];
  const boxes = of.groups.map((group, i) => box('off', group, shapes[of.shapes[i]], signals().colours[i]));
  const origins = given.origins.length > 1 ? given.origins.map((one) => box('without', one, shapes[given.marks[one]], 'inherit')) : [];
  root.querySelector('.legend').replaceChildren(element('legend', 'Shown'), ...boxes, ...origins);
}

function box(list, name, sign, colour) {
  const input = element('input');
  input.type = 'checkbox';
  input.checked = !state[list].includes(name);
  input.addEventListener('change', () => {
    state[list] = state[list].filter((one) => one !== name).concat(input.checked ? [] : [name]);
    save();
    next(async () => {
      set({ hidden: state.off, hidden_origins: state.without });
      await views.scatter.runAsync();
      say();
    });
  });
  const swatch = element('span', sign);
  swatch.style.color = colour;
  swatch.setAttribute('aria-hidden', 'true');
  return element('label', '', input, swatch, name);
}

for (const name of ['one', 'other']) {
  const options = means.map((found) => found.label).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  control(name).append(new Option('choose', ''), ...options.map((label) => new Option(label)));
  control(name).addEventListener('change', () => {
    choose([control('one').value, control('other').value].filter(Boolean));
  });
}
for (const name of choices) {
  control(name)?.addEventListener('change', (event) => {
    state[name] = event.target.value;
    if (name === 'by') state.off = [];
    if (name !== 'by') state.zoom = null;
    drawAll();
  });
}
for (const name of scales) {
  control(name)?.addEventListener('change', (event) => {
    state[name] = event.target.checked ? 'log' : 'linear';
    drawAll();
  });
}
control('in').addEventListener('click', () => move(0.7));
control('out').addEventListener('click', () => move(1 / 0.7));
control('reset').addEventListener('click', reset);
root.querySelector('.curves')?.addEventListener('toggle', () => next(drawCurves));
document.getElementById('explorer-scatter').addEventListener('keydown', (event) => {
  const keys = { ArrowLeft: [1, -0.1], ArrowRight: [1, 0.1], ArrowUp: [1, 0, 0.1], ArrowDown: [1, 0, -0.1], '+': [0.7], '-': [1 / 0.7] };
  if (event.key === '0') reset();
  else if (keys[event.key]) move(...keys[event.key]);
  else return;
  event.preventDefault();
});
for (const name of ['scatter', 'curves']) {
  const plot = document.getElementById(`explorer-${name}`);
  let pressed;
  plot?.addEventListener('pointermove', (event) => point(name, event));
  plot?.addEventListener('pointerleave', () => point(name, null));
  plot?.addEventListener('pointerdown', (event) => { pressed = [event.clientX, event.clientY]; });
  plot?.addEventListener('click', (event) => {
    const moved = pressed && Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > 4;
    if (!moved && views[name]) pin(nearest(name, event)?.label);
  });
}
addEventListener('hashchange', () => {
  if (location.hash && !location.hash.includes('=')) return; // a place on the page
  read();
  drawAll();
});
read();
await drawAll();
root.dataset.ready = 'true';
