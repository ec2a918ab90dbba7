'use strict';

// Tables that a reader sorts by a header, filters by words, thins out by column, and saves as they are shown.

function sort(table, header) {
  const column = header.cellIndex;
  const up = header.getAttribute('aria-sort') !== 'ascending';
  const text = (row) => row.cells[column].textContent.trim();
  const value = (row) => Number(row.cells[column].dataset.value);
  const compare = header.classList.contains('number')
    ? (a, b) => value(a) - value(b)
    : (a, b) => text(a).localeCompare(text(b), 'en', { numeric: true });
  const last = (row) => text(row) === ''; // what is empty, either way
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => last(a) - last(b) || (up ? 1 : -1) * compare(a, b));
  table.tBodies[0].append(...rows);
  for (const other of header.parentNode.cells) other.removeAttribute('aria-sort');
  header.setAttribute('aria-sort', up ? 'ascending' : 'descending');
}

// As the CSV files beside the page: digits without commas, and nothing that a spreadsheet would compute.
function csvCell(cell) {
  const text = cell.textContent.trim().replace(/\s+/g, ' ');
  if (cell.matches('td.number')) return text.replaceAll(',', '');
  const safe = /^[=+\-@]/.test(text) ? `'${text}` : text;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function save(table, name) {
  const lines = [...table.rows].filter((row) => !row.hidden).map((row) => {
    return [...row.cells].filter((cell) => !cell.hidden).map(csvCell).join(',');
  });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([`${lines.join('\n')}\n`], { type: 'text/csv' }));
  link.download = `${name.replaceAll(' ', '_')}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

for (const data of document.querySelectorAll('.data')) {
  const table = data.querySelector('table');
  const rows = [...table.tBodies[0].rows];
  const words = data.querySelector('input[type=search]');
  const filter = () => {
    const asked = words.value.toLowerCase().split(/\s+/);
    for (const row of rows) row.hidden = !asked.every((word) => row.textContent.toLowerCase().includes(word));
    data.querySelector('output').textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
  };
  words.addEventListener('input', filter);
  data.querySelectorAll('input[type=checkbox]').forEach((box, i) => {
    const hide = () => [...table.rows].forEach((row) => { row.cells[i + 1].hidden = !box.checked; });
    box.addEventListener('change', hide);
    hide(); // a reload keeps the boxes as they were
  });
  for (const header of table.tHead.rows[0].cells) {
    header.querySelector('button').addEventListener('click', () => sort(table, header));
  }
  data.querySelector('.tools > button').addEventListener('click', () => save(table, data.dataset.name));
  data.querySelector('.tools').hidden = false;
  filter();
}
