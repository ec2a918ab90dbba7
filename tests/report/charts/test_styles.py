"""Figures for papers and slides: their width, letters, and names; and names that have no room."""

import itertools

import numpy as np
import pytest
from matplotlib.text import Text

from cnn_bench.analysis.summary import summarise
from cnn_bench.errors import UserError
from cnn_bench.models import registry
from cnn_bench.report.charts import density, saving, style
from cnn_bench.report.charts.scatter import marks
from cnn_bench.report.charts.scatter.spec import Point, Scatter, accuracy_vs_macs

PAGE, SLIDES, NARROW, WIDE = style.PAGE, style.SLIDES, style.PAPER[1], style.PAPER[2]


def synthetic(count, spread=1.0):
    """A chart of networks around a falling line; closer to one another with less `spread`."""
    rng, archs = np.random.default_rng(count), list(registry.ARCHS)
    x = 10 ** (9 + spread * rng.uniform(-1, 1.3, count))
    y = 40 - 8 * np.log10(x / 1e9) + rng.normal(0, 3 * spread, count)
    points = [
        Point(f'{archs[i % len(archs)]}/{i}', registry.get(archs[i % len(archs)]).family, x[i], y[i], np.nan,
              10 ** rng.uniform(6, 8), i == int(np.argmin(x)))
        for i in range(count)
    ]  # fmt: skip
    return Scatter(name='s', title='Synthetic', x_label='MACs', y_label='error', caption='', points=tuple(points))


@pytest.mark.parametrize(
    ('count', 'of', 'spread'),
    [(3, PAGE, 1), (30, PAGE, 1), (115, PAGE, 1), (3, NARROW, 1), (30, NARROW, 1), (30, SLIDES, 1), (115, WIDE, 1),
     (30, NARROW, 0.01)],
)  # fmt: skip
def test_no_name_covers_a_name_or_a_mark_and_none_is_lost(count, of, spread):
    chart = synthetic(count, spread)
    figure = saving.draw(chart, of)
    with style.using(of):
        figure.canvas.draw()
        drawn = {a.get_gid(): a for a in figure.findobj(Text) if str(a.get_gid()).startswith(('label-', 'listed-'))}
        listed = [text.get_text() for gid, text in drawn.items() if gid.startswith('listed-')]
        labels = [drawn.get(f'label-{i}') for i in range(count)]
        boxes = [label.get_window_extent() for label in labels if label]
        scale, looks = marks.AreaScale([p.params for p in chart.points]), style.looks([p.family for p in chart.points])
        reach = marks.sizes(
            chart.points, scale, [looks[point.family][1] for point in chart.points], figure.dpi / 72
        ).reach
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    centres = figure.axes[0].transData.transform([(point.x, point.y) for point in chart.points])
    for box in boxes:
        away = np.linalg.norm(centres - np.clip(centres, box.min, box.max), axis=1)
        assert (away >= reach).all()
    for point, label in zip(chart.points, labels, strict=True):  # beside the mark, or by its number, or in the list
        said = label.get_text() if label else point.label
        assert said == point.label or f'{said}  {point.label}' in listed or (not label and point.label in listed)
    assert figure.get_figwidth() == of.width or of == SLIDES


def test_what_has_room_is_named_and_what_has_none_is_numbered():
    def first(chart, of):
        (label,) = saving.draw(chart, of).findobj(lambda artist: artist.get_gid() == 'label-0')
        return label.get_text()

    assert first(synthetic(30), PAGE) == first(synthetic(3), NARROW) == 'lenet5/0'
    assert first(synthetic(115), WIDE) == '1'


def test_a_slide_of_many_networks_keeps_its_shape():
    wide, high = saving.draw(synthetic(40), SLIDES).get_size_inches()
    assert wide / high == pytest.approx(16 / 9, rel=0.01)
    assert SLIDES.width < wide <= saving.MOST_LARGER * SLIDES.width


@pytest.mark.parametrize('of', [NARROW, WIDE, SLIDES])
def test_letters_are_legible_and_inside(make_table, of):
    summary = summarise(make_table(12, 3))
    for chart in (accuracy_vs_macs(summary), density.accuracy_density(summary)):
        figure = saving.draw(chart, of)
        with style.using(of):
            figure.canvas.draw()
            texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
            edges = np.array([text.get_window_extent().extents for text in texts])
        assert min(text.get_fontsize() for text in texts) >= 7
        assert (edges[:, :2] >= 0).all()
        assert (edges[:, 2:] <= figure.get_size_inches() * figure.dpi).all()
        titled = any(text.get_text() == chart.title for text in texts)
        assert titled == (of == SLIDES)  # in a paper its caption says it


def test_fonts_are_in_the_files(make_table, tmp_path):
    chart = density.accuracy_density(summarise(make_table(3)))
    text = saving.save(chart, tmp_path, NARROW)
    pdf = (tmp_path / 'accuracy_density.pdf').read_bytes()
    assert b'/FontFile2' in pdf  # TrueType, as publishers ask for; /FontFile3 and Type 3 are none
    assert b'/Type3' not in pdf
    assert '<text' not in text
    assert 'width="237.6pt"' in text  # 3.3 inches


def test_unknown_styles_and_widths_are_refused():
    assert style.named() == PAGE
    assert style.named('paper') == style.named('paper', 2) == WIDE
    for words in (('papers',), ('slides', 1), (None, 2), ('paper', 3)):
        with pytest.raises(UserError):
            style.named(*words)


def test_labels_whose_letters_no_font_has_are_known(monkeypatch):
    monkeypatch.setattr(style, '_families', lambda: [style.FONT])  # as on a machine without Chinese fonts
    assert style.without_letters(['resnet', '残差网络', 'réseau', 'σ-net']) == ['残差网络']
