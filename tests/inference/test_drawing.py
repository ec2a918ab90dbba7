"""Pictures show what they are given, and right and wrong without colours."""

import numpy as np

from cnn_bench.inference import drawing

IMAGE = np.zeros((8, 8, 1), np.uint8)


def test_a_sheet_marks_right_and_wrong():
    rows = [[drawing.Shown(IMAGE, 'Bag'), drawing.Shown(IMAGE, 'Bag 0.9', True), drawing.Shown(IMAGE, 'Coat', False)]]
    figure = drawing.sheet([*rows, rows[0][:1]], 'title')
    query, right, wrong = figure.axes[:3]
    assert [axes.get_xlabel() for axes in (query, right, wrong)] == ['Bag', '✓ Bag 0.9', '✗ Coat']
    frames = [axes.spines['top'] for axes in (query, right, wrong)]
    assert [frame.get_visible() for frame in frames] == [False, True, True]
    assert frames[1].get_linestyle() != frames[2].get_linestyle()
    assert frames[1].get_edgecolor() != frames[2].get_edgecolor()
    assert len([axes for axes in figure.axes if axes.get_visible()]) == 4


def test_panels():
    maps = np.random.default_rng(0).normal(size=(5, 5, 70))
    assert len([axes for axes in drawing.maps(maps, 'c1').axes if axes.get_visible()]) == 64
    for channels in (1, 3, 4):
        figure = drawing.filters(np.ones((3, 5, 5, channels)))
        assert len(figure.axes) == 3
    figure = drawing.heat(IMAGE, {'a': np.eye(3), 'b': np.eye(4)})
    assert [axes.get_xlabel() for axes in figure.axes[:3]] == ['', 'a', 'b']
