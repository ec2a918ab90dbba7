import dataclasses
import itertools

import numpy as np
import pytest

from cnn_bench.analysis import published
from cnn_bench.analysis.summary import summarise
from cnn_bench.report.charts import saving, style
from cnn_bench.report.charts.scatter import marks, recipes, spec


def chart_of(table):
    return spec.accuracy_vs_macs(summarise(table))


def part(figure, gid):
    (artist,) = figure.findobj(lambda artist: artist.get_gid() == gid)
    return artist


def assert_nothing_is_cut_off(figure):
    with style.using(style.PAGE):
        drawn = figure.get_tightbbox(figure.canvas.get_renderer())
    width, height = figure.get_size_inches()
    assert 0 <= drawn.x0 < drawn.x1 <= width
    assert 0 <= drawn.y0 < drawn.y1 <= height


@pytest.mark.parametrize(('points', 'seeds'), [(1, 1), (3, 3), (12, 3), (30, 1), (60, 3)])
def test_no_label_covers_anything(make_table, points, seeds):
    chart = chart_of(make_table(points, seeds))
    assert len(chart.points) == points
    figure = saving.draw(chart)
    assert_nothing_is_cut_off(figure)
    for dpi in (72, style.PAGE.dpi):  # of the SVG and of the PNG
        figure.set_dpi(dpi)
        with style.using(style.PAGE):
            figure.canvas.draw()
            boxes = [part(figure, f'label-{i}').get_window_extent() for i in range(points)]
        axes = figure.axes[0].get_window_extent()
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
        for box in boxes:
            assert axes.x0 <= box.x0 < box.x1 <= axes.x1
            assert axes.y0 <= box.y0 < box.y1 <= axes.y1
        looks = style.looks([point.family for point in chart.points])
        scale = marks.AreaScale([point.params for point in chart.points])
        sizes = marks.sizes(chart.points, scale, [looks[point.family][1] for point in chart.points], dpi / 72)
        centres = figure.axes[0].transData.transform([(point.x, point.y) for point in chart.points])
        for (x, y), radius in zip(centres, sizes.reach, strict=True):
            for box in boxes:
                nearest = np.clip(x, box.x0, box.x1), np.clip(y, box.y0, box.y1)
                assert np.hypot(nearest[0] - x, nearest[1] - y) >= radius


def test_no_label_covers_a_seed_where_there_is_room(make_table):
    chart = chart_of(make_table(12, 3))
    figure = saving.draw(chart)
    with style.using(style.PAGE):
        figure.canvas.draw()
        boxes = [part(figure, f'label-{i}').get_window_extent() for i in range(12)]
    for i in range(12):
        seeds = part(figure, f'seeds-{i}')
        dots = seeds.get_offset_transform().transform(seeds.get_offsets())
        assert len(dots) == 3
        assert not any(box.contains(x, y) for box in boxes for x, y in dots)


def test_a_long_legend_makes_the_figure_taller(make_table):
    chart = chart_of(make_table(3))
    points = [dataclasses.replace(chart.points[i % 3], family=f'family {i}') for i in range(30)]
    figure = saving.draw(dataclasses.replace(chart, points=tuple(points)))
    assert_nothing_is_cut_off(figure)
    assert figure.get_size_inches()[1] > 7


def test_the_legend_is_part_of_a_tight_figure(make_table):
    """Notebooks save figures with the tight bounding box of what they hold."""
    figure = saving.draw(chart_of(make_table(3)))
    tight = figure.get_tightbbox()
    assert len(figure.legends) >= 3
    for legend in figure.legends:
        assert legend.get_window_extent().x1 / figure.dpi <= tight.x1 + 0.01


def test_one_place_for_two_points_and_a_wide_interval(make_table):
    chart = chart_of(make_table(3, 3))
    first = dataclasses.replace(chart.points[0], half_width=90.0)
    twin = dataclasses.replace(first, label='twin', half_width=float('nan'))
    figure = saving.draw(dataclasses.replace(chart, points=(first, twin, *chart.points[1:])))
    low, high = figure.axes[0].get_ylim()
    assert high - low < 60


def with_a_collapsed_seed(table, label, seeds=(1,)):
    failed = (table.label == label) & table.seed.isin(seeds)
    table.loc[failed, 'top1_err_pct'] = 90.0
    return table.assign(collapsed=failed)


def test_a_collapsed_seed_is_an_arrow_with_its_number(make_table):
    table = make_table(12, 3)
    before = saving.draw(chart_of(table)).axes[0].get_ylim()
    chart = chart_of(with_a_collapsed_seed(table, 'vgg11'))
    figure = saving.draw(chart)
    assert_nothing_is_cut_off(figure)
    low, high = figure.axes[0].get_ylim()
    assert high - low < 1.3 * (before[1] - before[0])
    place = [point.label for point in chart.points].index('vgg11')
    kept = table[(table.label == 'vgg11') & (table.seed != 1)].top1_err_pct
    assert chart.points[place].y == pytest.approx(kept.mean())
    assert part(figure, f'label-{place}').get_text() == 'vgg11 (1 of 3 collapsed)'
    assert part(figure, 'beyond-label-0').get_text() == 'vgg11, seed 1: 90.0 %'
    ((_, y),) = part(figure, 'beyond-0').get_offsets()
    assert low < y < high
    assert sorted(part(figure, f'seeds-{place}').get_offsets()[:, 1]) == pytest.approx(sorted(kept))
    boxes = [part(figure, f'label-{i}').get_window_extent() for i in range(12)]
    boxes.append(part(figure, 'beyond-label-0').get_window_extent())
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_a_network_whose_seeds_all_collapsed_sets_no_axis(make_table):
    table = with_a_collapsed_seed(make_table(5, 2), 'lenet5', (0, 1))
    table.loc[table.collapsed & (table.seed == 0), 'top1_err_pct'] = 89.9
    chart = chart_of(table)
    figure = saving.draw(chart)
    assert figure.axes[0].get_ylim()[1] < 60
    place = [point.label for point in chart.points].index('lenet5')
    assert part(figure, f'label-{place}').get_text() == 'lenet5 (2 of 2 collapsed): 90.0 %'
    assert not chart.points[place].on_front  # although it is the cheapest
    assert part(figure, f'point-{place}').get_offsets()[0][1] < figure.axes[0].get_ylim()[1]


def test_the_interval_of_two_seeds_sets_no_axis(make_table):
    table = make_table(4, 2)
    lenet = table.label == 'lenet5'
    table.loc[lenet, 'top1_err_pct'] = table[lenet].top1_err_pct.mean() + np.array([-1, 1])
    figure = saving.draw(chart_of(table))
    low, high = figure.axes[0].get_ylim()
    assert high - low < 12.7 * np.sqrt(2)  # half of the interval: t of 0.975 with one degree of freedom is 12.7
    assert part(figure, 'label-0').get_text() == 'lenet5 ± 12.71'


def test_text_is_never_taken_for_markup(make_table):
    table = make_table(3)
    table['label'] = ['$x^2$ & _a', 'tab\tand\nline', 'w' * 100]
    figure = saving.draw(chart_of(table))
    texts = {part(figure, f'label-{i}').get_text() for i in range(3)}
    assert texts == {'$x^2$ & _a', 'tab and line', 'w' * 39 + '…'}


def test_the_same_table_gives_the_same_bytes(make_table, tmp_path):
    table = make_table(5, 3)
    chart = chart_of(table)
    for run in ('a', 'b'):
        (tmp_path / run).mkdir()
        saving.save(chart, tmp_path / run)
    shuffled = table.sample(frac=1, random_state=1)
    (tmp_path / 'c').mkdir()
    saving.save(chart_of(shuffled), tmp_path / 'c')
    for to in saving.FORMATS:
        first, again, other = ((tmp_path / run / f'accuracy_vs_macs.{to}').read_bytes() for run in 'abc')
        assert first == again == other
        assert b'<dc:date>' not in first
        assert b'CreationDate' not in first
    assert first.startswith(b'%PDF')


def test_area_is_proportional_to_parameters():
    scale = marks.AreaScale([1e6, 2e7, 1e8])
    assert scale.area(1e8) == pytest.approx(5 * scale.area(2e7))
    assert scale.area(1e5) == scale.area(1) == scale.area(float('nan')) == marks.LEAST_AREA
    assert not any(map(scale.to_scale, (1e5, float('nan'))))
    assert scale.steps() == [1e8, 2e7, 5e6]


@pytest.mark.parametrize('of', [style.PAGE, style.PAPER[1]])
def test_areas_of_published_networks_are_to_scale_or_hollow(of):
    chart = spec.published_accuracy_vs_macs(summarise(published.table()))
    figure, looks = saving.draw(chart, of), recipes.looks(chart.points)
    area, hollow = {}, {}
    for i, point in enumerate(chart.points):
        mark = part(figure, f'point-{i}')
        area[point] = mark.get_sizes()[0] * marks.shape_scale(looks[i][1])[0]
        hollow[point] = tuple(mark.get_facecolor()[0][:3]) == (1, 1, 1)
    filled = [point for point in chart.points if not hollow[point]]
    assert len(area) == len(chart.points) > 90
    assert len(chart.points) / 2 < len(filled) < len(chart.points)
    for one, other in itertools.combinations(filled, 2):
        assert area[one] / area[other] == pytest.approx(one.params / other.params)
    entries = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert any('not to scale' in text for text in entries) == (len(filled) < len(chart.points))


def test_every_shape_has_the_area_that_was_asked_for():
    for shape in style.SHAPES:
        area, radius = marks.shape_scale(shape)
        assert 0.2 < area <= np.pi * radius**2 * 1.01
    assert marks.shape_scale('o')[0] == pytest.approx(np.pi / 4, rel=0.01)
    assert marks.shape_scale('s')[0] == pytest.approx(1)


def test_families_differ_in_colour_and_shape():
    looks = style.looks([f'family {i}' for i in range(119)])
    assert len(set(looks.values())) == 119
    few = list(style.looks('abcdefg').values())
    assert len({colour for colour, _ in few}) == len({shape for _, shape in few}) == 7


def test_every_theme_colour_is_its_own_key():
    lights = [light for light, _ in style.THEME.values()]
    assert len(set(lights)) == len(lights)


@pytest.mark.parametrize(
    ('limits', 'expected'),
    [
        ((9e5, 1.1e9), [1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9]),
        ((1e6, 6e7), [1e6, 2e6, 5e6, 1e7, 2e7, 5e7]),
        ((1e3, 1e12), [10.0**k for k in range(3, 13)]),
        ((1.4e6, 3.1e6), [1.5e6, 2e6, 2.5e6, 3e6]),
    ],
)
def test_ticks_are_round(limits, expected):
    assert style.log_ticks(*limits) == pytest.approx(expected)
