'use strict';

// Hover and keyboard focus: what a point of a chart stands for.
const points = JSON.parse(document.getElementById('points').textContent);
const tip = document.getElementById('tip');

function fill(point) {
  const list = document.createElement('dl');
  for (const [name, value] of point.details) {
    list.append(element('dt', name), element('dd', value));
  }
  tip.replaceChildren(element('b', point.label), list);
}

function element(tag, text) {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function show(point, mark) {
  fill(point);
  tip.hidden = false;
  const at = mark.getBoundingClientRect();
  const view = document.documentElement;
  const right = at.right + 12 + tip.offsetWidth <= view.clientWidth;
  const left = right ? at.right + 12 : Math.max(8, at.left - 12 - tip.offsetWidth);
  const top = Math.min(at.top, view.clientHeight - tip.offsetHeight - 8);
  tip.style.left = `${left + window.scrollX}px`;
  tip.style.top = `${Math.max(8, top) + window.scrollY}px`;
  highlight(point, true);
}

function hide(point) {
  tip.hidden = true;
  highlight(point, false);
}

function highlight(point, on) {
  for (const id of [point.mark, point.row]) {
    if (id) document.getElementById(id)?.classList.toggle('on', on);
  }
}

// Letters are full of holes: a transparent sheet over the label makes all of it sensitive.
function cover(label) {
  const box = label.getBBox();
  const sheet = document.createElementNS(label.namespaceURI, 'rect');
  for (const side of ['x', 'y', 'width', 'height']) sheet.setAttribute(side, box[side]);
  sheet.setAttribute('fill', 'transparent');
  label.append(sheet);
}

// Lines are thin: a transparent wide one over a line makes it easy to hit.
function widen(mark) {
  for (const line of mark.querySelectorAll(':scope > path')) {
    const wide = line.cloneNode();
    wide.setAttribute('style', 'fill: none; stroke: transparent; stroke-width: 9px');
    wide.classList.add('wide-line');
    mark.append(wide);
  }
}

for (const point of points) {
  const mark = document.getElementById(point.mark);
  const label = point.text ? document.getElementById(point.text) : null;
  const said = point.details.map(([name, value]) => `${name} ${value}`).join(', ');
  if (point.kind !== 'cell') mark.setAttribute('tabindex', '0'); // the numbers of cells can be read
  mark.setAttribute('role', 'img');
  mark.setAttribute('aria-label', `${point.label}: ${said}`);
  mark.classList.add('hover', point.kind);
  if (point.kind === 'line') widen(mark);
  if (label) {
    label.classList.add('label');
    if (document.getElementById(point.text).getBBox().width) cover(label);
    else label.closest('details')?.addEventListener('toggle', () => cover(label), { once: true });
  }
  for (const part of label ? [mark, label] : [mark]) {
    part.addEventListener('mouseenter', () => show(point, part));
    part.addEventListener('mouseleave', () => hide(point));
  }
  mark.addEventListener('focus', () => show(point, mark));
  mark.addEventListener('blur', () => hide(point));
}

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') tip.hidden = true;
});

// Sorting: numbers by their value, text by the alphabet, what is empty always last.
function sort(table, header) {
  const column = [...header.parentNode.children].indexOf(header);
  const up = header.getAttribute('aria-sort') !== 'ascending';
  const numeric = header.classList.contains('number');
  const key = (row) => {
    const cell = row.children[column];
    return numeric ? Number(cell.dataset.value) : cell.textContent.trim();
  };
  const empty = (row) => row.children[column].textContent.trim() === '';
  const compare = (a, b) => (numeric ? key(a) - key(b) : key(a).localeCompare(key(b), 'en', { numeric: true }));
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => empty(a) - empty(b) || (up ? 1 : -1) * compare(a, b));
  table.tBodies[0].append(...rows);
  for (const other of header.parentNode.children) other.removeAttribute('aria-sort');
  header.setAttribute('aria-sort', up ? 'ascending' : 'descending');
}

for (const table of document.querySelectorAll('table.sortable')) {
  for (const header of table.tHead.rows[0].cells) {
    header.querySelector('button').addEventListener('click', () => sort(table, header));
  }
}
