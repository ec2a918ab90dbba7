import itertools

import numpy as np
import pytest

from cnn_bench.report.charts.scatter import labels


def random_chart(seed, n=30):
    rng = np.random.default_rng(seed)
    anchors = np.concatenate([rng.uniform(60, 740, (n // 2, 2)), rng.normal(400, 60, (n - n // 2, 2))])
    return anchors * [1, 0.6], rng.uniform(3, 16, n), np.stack([rng.uniform(30, 110, n), np.full(n, 12.0)], axis=1)


def apart(a, b):
    return a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]


def gap(box, point):
    return np.hypot(*(point - np.clip(point, box[:2], box[2:])))


@pytest.mark.parametrize('seed', range(3))
def test_nothing_covers_anything(seed):
    anchors, radii, sizes = random_chart(seed)
    boxes = labels.place(anchors, radii, sizes, (800, 480))
    assert np.allclose(boxes[:, 2:] - boxes[:, :2], sizes)
    assert (boxes >= 0).all()
    assert (boxes[:, 2:] <= (800, 480)).all()
    assert all(apart(a, b) for a, b in itertools.combinations(boxes, 2))
    assert all(gap(box, anchor) >= radius for box in boxes for anchor, radius in zip(anchors, radii, strict=True))


def test_the_same_input_gives_the_same_places():
    chart = random_chart(0)
    assert np.array_equal(labels.place(*chart, (800, 480)), labels.place(*chart, (800, 480)))


def test_a_lone_label_stands_beside_its_mark():
    anchor, radius = np.array([[100.0, 100.0]]), np.array([5.0])
    (box,) = labels.place(anchor, radius, np.array([[50.0, 12.0]]), (300, 200))
    assert box[0] >= 105
    assert gap(box, anchor[0]) < 5 + labels.LEADER_FROM
    assert labels.leader(box, 0, anchor, radius) is None


def test_a_label_that_finds_no_place_near_goes_far_with_a_leader():
    crowd = np.stack(np.meshgrid(np.arange(10, 90, 12), np.arange(10, 90, 12)), axis=-1).reshape(-1, 2)
    anchors, radii = crowd.astype(float), np.full(len(crowd), 7.0)
    middle = len(crowd) // 2
    sizes = np.zeros((len(crowd), 2))
    sizes[middle] = (60, 12)
    box = labels.place(anchors, radii, sizes, (110, 150))[middle]
    assert box[1] > 80
    line = labels.leader(box, middle, anchors, radii)
    assert line[2:].tolist() == anchors[middle].tolist()


def test_a_label_nearer_to_another_mark_gets_a_leader():
    anchors, radii = np.array([[50.0, 50.0], [64.0, 50.0]]), np.array([3.0, 3.0])
    beside_second = np.array([70.0, 44, 120, 56])
    assert labels.leader(beside_second, 1, anchors, radii) is None
    assert labels.leader(beside_second, 0, anchors, radii) is not None


def test_no_room_is_said():
    anchors = np.full((5, 2), 20.0)
    assert labels.place(anchors, np.full(5, 2.0), np.full((5, 2), (35.0, 12.0)), (40, 40)) is None


def test_labels_keep_off_lines_where_they_can():
    anchor = np.array([[100.0, 100.0]])
    along = np.array([[100.0, 100, 300, 100]])
    (box,) = labels.place(anchor, np.array([4.0]), np.array([[60.0, 12.0]]), (300, 200), along)
    assert box[3] <= 100 or box[1] >= 100
