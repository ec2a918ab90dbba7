import itertools

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from cnn_bench.lecture import block_pictures, x_and_o
from cnn_bench.lecture.given_filters import STEP, VERTICAL, convolve
from cnn_bench.report.charts.style import STYLE

STACKS = [[(3, 1)] * 3, [(3, 2), (3, 1), (3, 1)], [(5, 2), (3, 2)], [(7, 1)], [(3, 1), (2, 2), (3, 1)]]


def texts(figure):
    return [artist for artist in figure.findobj(Text) if artist.get_visible() and artist.get_text().strip()]


def assert_readable(figure):
    """No text touches another or leaves the figure."""
    with matplotlib.rc_context(STYLE):
        FigureCanvasAgg(figure).draw()
        boxes = [artist.get_window_extent() for artist in texts(figure)]
    width, height = figure.get_size_inches() * figure.dpi
    assert [box for box in boxes if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height] == []
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def numbers(axes):
    return [float(text.get_text().replace('−', '-')) for text in axes.texts]


def framed(axes, linewidth):
    (one,) = [
        p for p in axes.patches if not p.get_fill() and p.get_linewidth() == linewidth and p.get_linestyle() == 'solid'
    ]
    return one.get_x(), one.get_y(), one.get_width()


@pytest.mark.parametrize(('stride', 'padding', 'at'), [(1, 0, (1, 1)), (1, 1, (0, 5)), (2, 1, (1, 1))])
def test_a_convolution_shows_its_numbers_and_the_window(stride, padding, at):
    figure = block_pictures.convolution(STEP, VERTICAL, stride, padding, at)
    assert_readable(figure)
    image, kernel, result = figure.axes
    made = convolve(STEP, [VERTICAL], stride, padding)[..., 0]
    assert numbers(result) == list(made.ravel())
    assert numbers(image) == list(np.pad(STEP, padding).ravel())
    assert numbers(kernel) == list(VERTICAL.ravel())
    assert framed(image, 2.0) == (at[1] * stride, at[0] * stride, 3)
    assert framed(result, 2.0) == (at[1], at[0], 1)
    assert texts(figure)[-1].get_text().endswith(f'= {made[at]:g}'.replace('-', '−'))


def test_matrices_wrap_into_rows():
    figure = block_pictures.matrices({f'map {i}': np.full((2, 3), i / 7) for i in range(5)}, columns=2)
    assert_readable(figure)
    tops = sorted({round(axes.get_position().y1, 6) for axes in figure.axes})
    assert len(tops) == 3
    assert numbers(figure.axes[4]) == [0.57] * 6


def test_a_large_matrix_of_negative_numbers_is_readable():
    assert_readable(block_pictures.matrices(x_and_o.by_filter(x_and_o.responses())))


def test_pooling_marks_the_windows_that_hang_over_the_edge():
    figure = block_pictures.pooling(np.arange(49.0).reshape(7, 7) / 49, 2)
    assert_readable(figure)
    left, right = figure.axes
    windows = [p for p in left.patches if isinstance(p, Rectangle) and p.get_width() == 2]
    assert len(windows) == 16 == len(numbers(right))
    assert sum(p.get_linestyle() != 'solid' for p in windows) == 7
    assert max(p.get_x() + p.get_width() for p in windows) == 8


def test_pooling_that_fits_has_no_note():
    figure = block_pictures.pooling(np.arange(16.0).reshape(4, 4), 2, digits=0)
    assert len(texts(figure)) == 16 + 4 + 2 + 1  # numbers, titles, the arrow


@pytest.mark.parametrize('stack', STACKS)
def test_what_is_seen_has_the_size_of_the_formula(stack):
    fields = block_pictures.visible(stack, 33)
    for first, field in enumerate(fields):
        size, jump = 1, 1
        for kernel, stride in stack[first:]:
            size, jump = size + (kernel - 1) * jump, jump * stride
        rows, columns = np.nonzero(field)
        assert np.ptp(rows) + 1 == np.ptp(columns) + 1 == size


@pytest.mark.parametrize('stack', STACKS)
def test_the_counted_field_is_what_the_gradient_finds(stack):
    table = block_pictures.field_table({f'layer {number}': layer for number, layer in enumerate(stack)}, 33)
    assert list(table['field']) == list(table['field, by gradient'])
    assert list(table['distance of neighbours']) == list(np.cumprod([stride for _, stride in stack]))


def test_the_receptive_field_names_what_is_seen():
    figure = block_pictures.receptive_field({'conv 1': (3, 1), 'conv 2': (3, 1), 'conv 3': (3, 1)}, 15)
    assert_readable(figure)
    shown = ' '.join(text.get_text() for text in texts(figure))
    assert [f'sees {side}×{side}' in shown for side in (7, 5, 3)] == [True] * 3


def test_pointwise_outputs_are_weighted_sums():
    left, right = np.eye(6), np.fliplr(np.eye(6)) * 2
    figure = block_pictures.pointwise({'left': left, 'right': right}, {'sum': (1, 1), 'difference': (0.5, -0.5)})
    assert_readable(figure)
    shown = [axes.images[0].get_array() for axes in figure.axes]
    np.testing.assert_allclose(shown[2], left + right)
    np.testing.assert_allclose(shown[3], (left - right) / 2)


def test_signed_images_have_their_zero_in_the_middle():
    figure = block_pictures.images({'flat': np.zeros((4, 4)), 'signed': np.array([[-3.0, 1.0]])}, signed=True)
    assert_readable(figure)
    assert figure.axes[1].images[0].get_clim() == (-3, 3)
    assert figure.axes[1].images[0].get_cmap() is block_pictures.SIGNED
