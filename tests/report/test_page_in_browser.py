"""The page in headless Chromium: two frames of it, and a script that reads and drives them."""

import html
import json
import re
import shutil
import subprocess

import pytest
from sweeps import write_sweep

from cnn_bench.report import data
from cnn_bench.report.write import write_runs

CHROMIUM = shutil.which('chromium') or shutil.which('google-chrome')
OPTIONS = '--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync'
WIDTHS = (420, 1400)
LONG = f'a_network_of_many_parts_{"x" * 60}'
ERRORS = {
    'shallow': [14.0, 14.4],
    'plain': [16.0, 16.9],
    'resnet': [9.5, 12.3],
    LONG: [15.0, 15.5],
    '=1+1': [11.0, 11.2],
}
PROBE = """
const scrolls = (part) => {
  for (let at = part.parentElement; at; at = at.parentElement) {
    if (at.ownerDocument.defaultView.getComputedStyle(at).overflowX !== 'visible') return true;
  }
  return false;
};
const found = { errors: [] };
const measure = (page) => {
  for (const fold of page.querySelectorAll('details')) fold.open = true;
  const width = page.documentElement.clientWidth;
  const wide = [...page.body.querySelectorAll('*')].filter((part) => {
    const box = part.getBoundingClientRect();
    return (box.right > width + 0.5 || box.left < -0.5) && !scrolls(part);
  });
  return { width, scroll: page.documentElement.scrollWidth, wide: wide.map((part) => part.outerHTML.slice(0, 80)) };
};
const drive = async (page, window) => {
  const results = page.querySelector('.data');
  const table = results.querySelector('table');
  const shown = () => [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => row.cells[0].textContent);
  const header = [...table.tHead.rows[0].cells].find((cell) => cell.textContent.includes('Top-1 error'));
  const button = header.querySelector('button');
  button.click();
  found.up = [shown(), header.getAttribute('aria-sort')];
  button.click();
  found.down = [shown(), header.getAttribute('aria-sort')];
  const box = results.querySelector('input[type=checkbox]');
  box.click();
  found.hidden = table.tHead.rows[0].cells[1].getBoundingClientRect().width;
  const words = results.querySelector('input[type=search]');
  words.value = 'RE es';
  words.dispatchEvent(new window.Event('input'));
  found.filtered = [shown(), results.querySelector('output').textContent];
  words.value = '';
  words.dispatchEvent(new window.Event('input'));
  let blob;
  window.URL.createObjectURL = (made) => { blob = made; return '#'; };
  window.HTMLAnchorElement.prototype.click = () => {}; // nothing is downloaded
  results.querySelector('.tools > button').click();
  found.csv = await blob.text();
};
window.addEventListener('load', async () => {
  for (const frame of document.querySelectorAll('iframe')) {
    frame.contentWindow.addEventListener('error', (event) => found.errors.push(event.message));
    found[frame.width] = measure(frame.contentDocument);
  }
  await drive(frame1400.contentDocument, frame1400.contentWindow);
  document.body.append(Object.assign(document.createElement('pre'), { textContent: JSON.stringify(found) }));
});
"""


@pytest.fixture(scope='module')
def found(tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip('needs Chromium')
    place = tmp_path_factory.mktemp('browser')
    page = write_runs(data.read(write_sweep(place / 'sweep', ERRORS)), place / 'report').read_text()
    frames = [f'<iframe id="frame{w}" width="{w}" height="900" srcdoc="{html.escape(page)}"></iframe>' for w in WIDTHS]
    (place / 'frames.html').write_text(f'<!doctype html>{"".join(frames)}<script>{PROBE}</script>')
    options = [*OPTIONS.split(), f'--user-data-dir={place}/profile', '--virtual-time-budget=20000', '--dump-dom']
    command = [CHROMIUM, *options, f'file://{place}/frames.html']
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(html.unescape(re.search(r'<pre>(\{.*?)</pre>', ran.stdout, re.DOTALL)[1]))


@pytest.mark.parametrize('width', WIDTHS)
def test_no_part_is_wider_than_the_window(found, width):
    at = found[str(width)]
    assert 0 < at['width'] <= width
    assert at['wide'] == []
    assert at['scroll'] <= at['width']
    assert found['errors'] == []


def test_a_header_sorts_by_the_numbers(found):
    order = ['resnet', '=1+1', 'shallow', LONG, 'plain']  # 10.9, 11.1, 14.2, 15.25, 16.45
    assert found['up'] == [order, 'ascending']
    assert found['down'] == [order[::-1], 'descending']


def test_words_filter_rows_and_boxes_hide_columns(found):
    assert found['filtered'] == [['resnet'], '1 of 5 rows']
    assert found['hidden'] == 0


def test_csv_is_what_is_shown(found):
    head, *rows = [line.split(',') for line in found['csv'].splitlines()]
    assert head[0] == 'Network'
    assert 'Family' not in head
    assert 'Top-1 error (%)' in head
    assert [row[0] for row in rows] == ['plain', LONG, 'shallow', "'=1+1", 'resnet']
    assert [row[head.index('Top-1 error (%)')] for row in rows] == ['16.45', '15.25', '14.20', '11.10', '10.90']
    assert {row[head.index('MACs (M)')] for row in rows} == {'4.00', '16.00', '1.00', '25.00', '9.00'}
