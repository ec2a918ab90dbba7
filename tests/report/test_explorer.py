import asyncio
import copy
import importlib.util
import json
import re

import browser
import numpy as np
import pytest
import vl_convert
from sweeps import write_sweep

from cnn_bench import stats
from cnn_bench.analysis import pairs, published, verdicts
from cnn_bench.analysis.summary import tidy
from cnn_bench.errors import UserError
from cnn_bench.report import data, explorer, plots, together
from cnn_bench.report.data import ReportData
from cnn_bench.report.explorer import rows, section, vega


@pytest.fixture(scope='module')
def sweep(tmp_path_factory):
    """Two networks with three seeds, and one with a single seed."""
    path = tmp_path_factory.mktemp('sweep')
    return data.read(write_sweep(path, {'resnet': [10.0, 11.0, 10.5], 'plain': [14.0, 13.0, 14.5], 'shallow': [20.0]}))


def front_drawn(content: dict, scales: str = 'linear-linear', **signals) -> set[str]:
    """The labels that Vega finds on the front, with the same specification as on the page."""
    spec = copy.deepcopy(content['specs'][f'scatter-{scales}'])
    start, by = content['start'], content['colours']['lineage']
    values = {
        'x_field': start['x'],
        'y_field': start['y'],
        'colour_field': 'lineage',
        'most_params': 1e9,
        **by,
        **signals,
    }
    for signal in spec['signals']:
        if signal['name'] in values:
            signal['value'] = values[signal['name']]
    next(found for found in spec['data'] if found['name'] == 'rows')['values'] = content['rows']
    said = {'text': {'field': 'label'}, 'x': {'value': 0}}
    spec['marks'] = [{'type': 'text', 'from': {'data': 'front'}, 'encode': {'enter': said}}]
    spec['axes'] = []
    return set(re.findall(r'<text[^>]*>([^<]*)</text>', vl_convert.vega_to_svg(spec)))


def test_the_front_is_that_of_the_statistics(make_table):
    table = make_table(24, 2)
    table['macs'] = table.macs.round(-6).clip(lower=1_000_000)  # some cost the same
    table['top1_err_pct'] = table.groupby('label').top1_err_pct.transform('mean').round()  # and err as much
    content = section.content(ReportData(table))
    summary = ReportData(table).summary
    for scales, fields, hidden in (
        ('linear-linear', {}, []),
        ('log-linear', {'x_field': 'params'}, ['VGG']),
        ('log-log', {'x_field': 'images_per_s', 'x_sign': -1}, ['ResNet', 'AlexNet']),
        ('linear-linear', {'y_field': 'top1_acc_pct', 'y_sign': -1}, []),
    ):
        shown = summary[~summary.label.isin([r['label'] for r in content['rows'] if r['lineage'] in hidden])]
        cost = shown[fields.get('x_field', 'macs')] * fields.get('x_sign', 1)
        expected = set(shown.label[stats.pareto_front(cost, shown.top1_err_pct)])
        assert len(expected) > 1
        assert front_drawn(content, scales, hidden=hidden, **fields) == expected


def test_two_networks_compared_as_verdicts_compare_them(sweep):
    found = section.content(sweep)['pairs']['plain\nresnet']
    report = verdicts.compare_with_baseline(
        sweep.standing[sweep.standing.label.isin(['plain', 'resnet'])], 'plain', sweep.predictions
    ).iloc[0]
    mean, low, high, n, over = found['errors']['top1_err_pct']
    assert (mean, low, high) == pytest.approx((report['mean'], report['low'], report['high']), abs=1e-6)
    assert (n, over) == (report['n'], report['over']) == (3, 'seeds')
    assert mean == pytest.approx(-np.mean([4, 2, 4]))
    right = {row.label: sweep.predictions[row.run].right for row in sweep.table[sweep.table.seed == 0].itertuples()}
    only_plain, only_resnet = (right['plain'] & ~right['resnet']).sum(), (right['resnet'] & ~right['plain']).sum()
    assert found['mcnemar'][0][:3] == [0, only_plain, only_resnet]
    assert found['mcnemar'][0][3] == pytest.approx(stats.mcnemar(right['plain'], right['resnet']).p)


def test_single_runs_are_compared_over_test_images(sweep):
    found = section.content(sweep)['pairs']['resnet\nshallow']['errors']
    report = verdicts.compare_with_baseline(
        sweep.standing[sweep.standing.label.isin(['shallow', 'resnet'])], 'resnet', sweep.predictions
    ).iloc[0]
    assert found['top1_err_pct'] == [
        *(pytest.approx(report[end], abs=1e-6) for end in ('mean', 'low', 'high')),
        400,
        'test images',
    ]
    assert found['top5_err_pct'][1:] == [None, None, 1, 'seeds']


def test_many_networks_are_not_compared(sweep, make_table):
    table = make_table(pairs.MOST + 1, 2)
    assert pairs.compare(table.assign(collapsed=None), {run: run for run in table.run}, {}, ['top1_err_pct']) == {}


def test_that_many_are_not_compared_is_said(make_table):
    content = section.content(ReportData(make_table(pairs.MOST + 1, 2)))
    assert (content['pairs'], content['most_compared']) == ({}, pairs.MOST)
    assert section.content(ReportData(make_table(2, 2)))['most_compared'] == 0


def test_each_data_set_has_a_front_of_its_own(make_table):
    table = make_table(8)
    table.loc[::2, 'dataset'] = 'cifar10'
    table.loc[::2, 'top1_err_pct'] += 20
    summary = ReportData(table).summary
    assert summary.front[summary.dataset == 'cifar10'].any()
    assert front_drawn(section.content(ReportData(table))) == set(summary.label[summary.front])


def test_what_the_axes_may_show(sweep):
    content = section.content(sweep)
    assert [axis['field'] for axis in content['costs']] == [
        'params',
        'macs',
        'activation_bytes',
        'images_per_s',
        'train_s',
    ]
    assert {axis['field']: axis['sign'] for axis in content['errors']}['top1_acc_pct'] == -1
    several = sweep.summary.assign(device=['1 x a', '1 x b', '1 x a'])
    assert [axis.field for axis in rows.costs(several)] == ['params', 'macs', 'activation_bytes']


def test_seeds_and_curves_are_those_of_the_runs(sweep):
    content = section.content(sweep)
    seeds = [row['top1_err_pct'] for row in content['rows'] if row['kind'] == 'seed' and row['label'] == 'resnet']
    assert sorted(seeds) == [10.0, 10.5, 11.0]
    curve = next(row for row in content['curves'] if row['run'].startswith('trials/shallow') and row['curve'] == 'val')
    assert curve['epochs'] == [1, 2, 3, 4]
    assert curve['errors'][-1] == 20.0


def test_collapsed_seeds_are_told(make_table):
    table = make_table(3, 2)
    table['collapsed'] = [True] + [False] * (len(table) - 1)
    made = section.content(ReportData(table))['rows']
    assert [row['label'] for row in made if row['collapsed']] == [table.label[0]]


def test_published_results_stand_beside_the_runs(sweep):
    theirs = ReportData(tidy(published.table()), name=together.PUBLISHED)
    content = section.content(together.join([sweep, theirs]))
    recipes = ['simple recipe', 'regularised recipe', 'modern recipe', 'more data', 'recipe unstated']
    assert content['origins'] == ['own', *recipes]
    labels = {row['label']: row['origin'] for row in content['rows'] if row['origin'] != 'own'}
    assert labels['resnet50 (torchvision 2015) (published)'] == 'simple recipe'
    assert labels['resnet50 (torchvision 2021) (published)'] == 'modern recipe'
    assert not any(label in key for key in content['pairs'] for label in labels)


def test_published_results_have_a_front_for_each_kind_of_recipe():
    data = ReportData(published.table())
    content = section.content(data)
    assert content['start']['without'] == ['more data']
    summary = data.summary[data.summary.recipe != published.MORE_DATA]
    drawn = front_drawn(content, hidden_origins=['more data'])
    assert drawn == set(summary.label[summary.front])
    stated = summary[summary.recipe != published.UNSTATED]
    assert drawn > set(stated.label[stats.pareto_front(stated.macs, stated.top1_err_pct)])
    shapes = {row['label']: row['mark'] for row in content['rows']}
    assert shapes['resnet50 (torchvision 2015)'] != shapes['resnet50 (torchvision 2021)']


def test_text_of_runs_is_escaped(make_table):
    name = '</script><script>alert("x")</script><!--'
    table = make_table(3, 2)
    table['label'] = table.label.where(table.label != table.label[0], name)
    html = explorer.html(ReportData(table))
    assert name not in html
    assert html.count('<script') == html.count('</script>') == 3
    given = json.loads(re.search(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)[1])
    assert name in {row['label'] for row in given['rows']}


def test_the_specifications_have_no_data_of_their_own():
    for spec in vega.specs().values():
        assert not any('values' in found or 'url' in found for found in spec['data'])
        assert spec['autosize'] == {'type': 'fit-x', 'contains': 'padding'}


def test_notebooks_get_a_chart_that_vega_lite_takes(make_table):
    chart = plots.explore(make_table(12, 2), 'family')
    drawn = vl_convert.vegalite_to_svg(chart.to_dict())  # `to_dict` validates
    assert drawn.count('aria-roledescription="point"') >= 12
    with pytest.raises(UserError, match='colour'):
        plots.explore(make_table(3), 'size')


names = "[...document.querySelectorAll('#explorer .names text')].map((name) => name.getAttribute('transform')).join()"
ready = "document.getElementById('explorer')?.dataset.ready === 'true'"
shown = "document.querySelector('#explorer output').textContent"


@pytest.mark.skipif(not browser.CHROMIUM, reason='needs Chromium')
@pytest.mark.skipif(not importlib.util.find_spec('tornado'), reason='needs tornado')
def test_a_view_is_driven_and_reopened(sweep, tmp_path):
    """Only a browser runs the script: axes, legend, comparison, and the address from which the view comes back."""
    page = tmp_path / 'index.html'
    page.write_text(
        f'<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">{explorer.html(sweep)}', encoding='utf-8'
    )
    asyncio.run(_drive(page.as_uri()))


async def _drive(address: str) -> None:
    async with browser.opened(1000, 800) as page:
        await page('Page.navigate', url=address)
        await page.until(ready)
        assert (await page.js(shown)).startswith('3 of 3 networks. Front of multiply-adds and top-1 error: ')
        await page.js(
            """(() => { const x = document.querySelector('[name=x]'); x.value = 'params';
            x.dispatchEvent(new Event('change')); document.querySelector('.legend input').click(); })()"""
        )
        await page.until(f"{shown}.startsWith('2 of 3 networks. Front of parameters')")
        await page.js(
            """(() => { for (const [name, value] of [['one', 'plain'], ['other', 'resnet']]) {
            const menu = document.querySelector(`[name=${name}]`); menu.value = value;
            menu.dispatchEvent(new Event('change')); } })()"""
        )
        compared = await page.js("document.querySelector('.compared').textContent")
        assert '−3.33 points' in compared
        assert 'McNemar, seed 0' in compared
        before = await page.js(names)
        await page.js("document.querySelector('[name=out]').click()")
        await page.until("location.hash.includes('zoom=')")
        await page.until(f'{names} !== {json.dumps(before)}')  # names go where their marks go
        view = await page.js('location.hash')
        await page('Page.navigate', url='about:blank')
        await page('Page.navigate', url=address + view)
        await page.until(ready)
        assert await page.js('location.hash') == view
        assert (await page.js(shown)).startswith('2 of 3 networks. Front of parameters')
        assert await page.js("document.querySelector('.compared').textContent") == compared
        size = {'width': 420, 'height': 800, 'deviceScaleFactor': 1, 'mobile': False}
        await page('Emulation.setDeviceMetricsOverride', **size)
        fits = """(() => { const box = document.querySelector('.compared');
            box.querySelector('th:nth-child(2)').textContent = 'a_long_name_of_a_network_'.repeat(4);
            return box.scrollWidth <= box.clientWidth; })()"""
        assert await page.js(fits)
        assert page.said == []
        assert {request.partition('#')[0] for request in page.requests} <= {address, 'about:blank', 'data:,'}
