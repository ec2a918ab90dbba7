"""Where the labels of a scatter chart go, so that none covers another label or a mark.

Plain geometry in pixels, no matplotlib. Every label tries positions on rings around its point; a position is excluded
if the box leaves the frame or touches a mark or a label already placed. The rest are ranked by a cost; then small
groups of neighbours are taken out and placed again where that is cheaper for the group. Nothing is random.

adjustText 1.4 and textalloc 1.2 were tried first: with 60 labels they left 19 and 4 overlapping pairs.
"""

import numpy as np

LABEL_PAD = (6.0, 2.0)  # minimum space between two labels, across and down
MARK_PAD = 1.5  # minimum space between a label and a mark
LEADER_FROM = 9.0  # a label farther than this from its mark gets a leader line

_ANGLES = np.arange(24) * (2 * np.pi / 24)
_GAPS = np.array([3, 7, 12, 18, 26, 36, 48, 62, 80, 100, 125, 155, 190, 230, 280.0])
_RESEATED = (1, 2, 4, 6, 3, 1)  # how many neighbours are placed again together, pass by pass
_CHUNK = 24  # positions whose cost is computed at a time

# Costs, as the extra distance in pixels that is worth avoiding each.
_UNLIKE_EAST = 4.0
_NEARER_TO_OTHER = 14.0
_ON_LINE = 26.0
_LEADER_OVER_MARK = 90.0
_LEADER_OVER_LABEL = 250.0
_LEADERS_CROSS = 120.0


def place(
    anchors: np.ndarray,
    radii: np.ndarray,
    sizes: np.ndarray,
    frame: tuple[float, float],
    lines: np.ndarray | None = None,
) -> np.ndarray | None:
    """Boxes `(m, 4)` as x0, y0, x1, y1 for the labels of `m` points, or None if the frame has no room for them all.

    anchors: `(n, 2)` centres of the marks. radii: `(n,)` of the circles around the marks. sizes: `(m, 2)` width and
    height of the labels of the first `m` marks. frame: width and height that the labels must stay in, its corner at
    0, 0. lines: `(k, 4)` segments x0, y0, x1, y1 that labels should avoid (a front, error bars).
    """
    lines = np.empty((0, 4)) if lines is None else np.asarray(lines, dtype=float)
    labels = [_Label(i, anchors, radii, sizes[i], frame, lines) for i in range(len(sizes))]
    seats: dict[int, int] = {}
    for i in sorted(range(len(labels)), key=lambda i: (len(labels[i].boxes), i)):
        if not _seat(i, labels, seats):
            labels[i].widen()
            if not _seat(i, labels, seats):
                return None
    near = np.argsort(_distance_between(anchors[: len(sizes)]), axis=1, kind='stable')
    for count in _RESEATED:
        for i in range(len(labels)):
            _reseat(near[i, :count], labels, seats)
    return np.array([label.boxes[seats[i]] for i, label in enumerate(labels)]).reshape(-1, 4)


def leader(box: np.ndarray, i: int, anchors: np.ndarray, radii: np.ndarray) -> np.ndarray | None:
    """The leader line x0, y0, x1, y1 from label `box` to the centre of mark `i`, to be drawn beneath the mark.

    None where the label is close to its mark and closer to it than to any other.
    """
    gaps = np.maximum(_distance(box[None, :], anchors) - radii, 0)[0]
    if gaps[i] <= LEADER_FROM and gaps[i] <= np.delete(gaps, i).min(initial=np.inf):
        return None
    return np.concatenate([np.clip(anchors[i], box[:2], box[2:]), anchors[i]])


class _Label:
    """The positions that one label may take, regardless of the other labels, and their costs."""

    def __init__(self, i, anchors, radii, size, frame, lines):
        self.i, self.anchors, self.radii, self.size, self.frame, self.lines = i, anchors, radii, size, frame, lines
        self._keep(_rings(anchors[i], radii[i], size))

    def widen(self) -> None:
        """Allow any place in the frame."""
        width, height = self.size
        x = np.arange(0, self.frame[0] - width, max(width / 3, 4))
        y = np.arange(0, self.frame[1] - height, max(height / 2, 4))
        corners = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        self._keep(np.concatenate([corners, corners + self.size], axis=1))

    def best(self, boxes: np.ndarray, leaders: np.ndarray) -> int | None:
        """The cheapest position given the boxes and leaders of the others; None where all are taken."""
        best, least = None, np.inf
        for start in range(0, len(self.boxes), _CHUNK):  # they lie in the order of their fixed cost
            if self.cost[start] >= least:
                break
            costs = self.costs(slice(start, start + _CHUNK), boxes, leaders)
            k = int(np.argmin(costs))
            if costs[k] < least:
                best, least = start + k, costs[k]
        return best

    def costs(self, positions: slice, boxes: np.ndarray, leaders: np.ndarray) -> np.ndarray:
        """Costs of positions given the boxes and leaders of the others; inf for a taken one."""
        own_boxes, own_leaders = self.boxes[positions], self.leaders[positions]
        near = _overlap(_hull(own_boxes, self.anchors[self.i]), _hulls(boxes, leaders), LABEL_PAD)
        boxes, leaders = boxes[near], leaders[near]
        over = _crosses_box(own_leaders[:, None], boxes[None]).sum(1)
        over += _crosses_box(leaders[None], own_boxes[:, None]).sum(1)
        crossed = _segments_cross(own_leaders[:, None], leaders[None]).sum(1)
        costs = self.cost[positions] + _LEADER_OVER_LABEL * over + _LEADERS_CROSS * crossed
        costs[_overlap(own_boxes[:, None], boxes[None], LABEL_PAD).any(1)] = np.inf
        return costs

    def _keep(self, boxes: np.ndarray) -> None:
        inside = (boxes[:, :2] >= 0).all(1) & (boxes[:, 2:] <= self.frame).all(1)
        gaps = _distance(boxes, self.anchors) - self.radii
        kept = inside & (gaps >= MARK_PAD).all(1)
        boxes = boxes[kept]
        leaders = _leaders(boxes, self.anchors[self.i], self.radii[self.i])
        cost = self._fixed_cost(boxes, leaders, gaps[kept])
        order = np.argsort(cost, kind='stable')
        self.boxes, self.leaders, self.cost = boxes[order], leaders[order], cost[order]

    def _fixed_cost(self, boxes: np.ndarray, leaders: np.ndarray, gaps: np.ndarray) -> np.ndarray:
        i = self.i
        others = np.delete(np.arange(len(self.anchors)), i)
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2 - self.anchors[i]
        east = np.cos(np.arctan2(middle[:, 1], middle[:, 0]) - 0.1)  # a little above the horizontal reads best
        cost = gaps[:, i] + _UNLIKE_EAST * (1 - east)
        cost = cost + _NEARER_TO_OTHER * (gaps[:, others] < gaps[:, [i]]).sum(1)
        around = boxes + np.array([-1, -1, 1, 1]) * MARK_PAD
        cost += _ON_LINE * _crosses_box(self.lines[None], around[:, None]).sum(1)
        through = _distance_to_segment(self.anchors[others][None], leaders[:, None]) < self.radii[others]
        return cost + _LEADER_OVER_MARK * through.sum(1)


def _seat(i: int, labels: list[_Label], seats: dict[int, int]) -> bool:
    """Place label i at its cheapest position given those already placed; False where none is free."""
    seat = labels[i].best(*_others(i, labels, seats))
    if seat is not None:
        seats[i] = seat
    return seat is not None


def _reseat(group: np.ndarray, labels: list[_Label], seats: dict[int, int]) -> None:
    """Take a few neighbours out and place them again in either order; keep the cheapest joint placement."""
    best, before = _joint_cost(group, labels, seats), {i: seats[i] for i in group}
    for order in (group, group[::-1]):
        tried = {i: seat for i, seat in seats.items() if i not in before}
        if all(_seat(i, labels, tried) for i in order):
            cost = _joint_cost(group, labels, tried)
            if cost < best - 1e-6:
                best, before = cost, {i: tried[i] for i in group}
    seats.update(before)


def _joint_cost(group: np.ndarray, labels: list[_Label], seats: dict[int, int]) -> float:
    """Cost of the labels of a group, with each pair counted once."""
    total, sitting = 0.0, {i: seat for i, seat in seats.items() if i not in set(group)}
    for i in group:
        total += labels[i].costs(slice(seats[i], seats[i] + 1), *_others(i, labels, sitting))[0]
        sitting[i] = seats[i]
    return total


def _others(i: int, labels: list[_Label], seats: dict[int, int]) -> tuple[np.ndarray, np.ndarray]:
    rest = [j for j in seats if j != i]
    boxes = np.array([labels[j].boxes[seats[j]] for j in rest]).reshape(-1, 4)
    leaders = np.array([labels[j].leaders[seats[j]] for j in rest]).reshape(-1, 4)
    return boxes, leaders


def _rings(anchor, radius, size) -> np.ndarray:
    """Boxes around a mark; the point of the box that faces the mark lies on rings of growing radius."""
    direction = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
    reach = direction[None] * (radius + _GAPS[:, None, None]) + direction[None] * size / 2
    centres = (anchor + reach).reshape(-1, 2)
    return np.concatenate([centres - size / 2, centres + size / 2], axis=1)


def _distance_between(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


def _distance(boxes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """`(boxes, points)`: from each box to each point, 0 inside."""
    low = boxes[:, None, :2] - points[None]
    high = points[None] - boxes[:, None, 2:]
    return np.hypot(*np.moveaxis(np.maximum(np.maximum(low, high), 0), -1, 0))


def _leaders(boxes: np.ndarray, anchor: np.ndarray, radius: float) -> np.ndarray:
    start = np.clip(anchor, boxes[:, :2], boxes[:, 2:])
    away = start - anchor
    length = np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
    return np.concatenate([start, anchor + away / length * np.minimum(radius, length)], axis=1)


def _hull(boxes: np.ndarray, point: np.ndarray) -> np.ndarray:
    """The box around boxes and a point."""
    return np.concatenate([np.minimum(boxes[:, :2].min(0), point), np.maximum(boxes[:, 2:].max(0), point)])


def _hulls(boxes: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """The boxes around each box and its segment."""
    ends = segments.reshape(-1, 2, 2)
    return np.hstack([np.minimum(boxes[:, :2], ends.min(1)), np.maximum(boxes[:, 2:], ends.max(1))])


def _overlap(a: np.ndarray, b: np.ndarray, pad: tuple[float, float]) -> np.ndarray:
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = np.moveaxis(a, -1, 0), np.moveaxis(b, -1, 0)
    across, down = pad
    return (ax0 < bx1 + across) & (bx0 < ax1 + across) & (ay0 < by1 + down) & (by0 < ay1 + down)


def _crosses_box(segments: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Which segments have a part inside which boxes: the slab method, broadcast."""
    enter, leave = 0.0, 1.0
    for axis in (0, 1):
        start, step = segments[..., axis], segments[..., axis + 2] - segments[..., axis]
        step = np.where(np.abs(step) < 1e-9, 1e-9, step)
        a, b = (boxes[..., axis] - start) / step, (boxes[..., axis + 2] - start) / step
        enter, leave = np.maximum(enter, np.minimum(a, b)), np.minimum(leave, np.maximum(a, b))
    return enter < leave


def _segments_cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    def side(p, q, r):
        return (q[..., 0] - p[..., 0]) * (r[..., 1] - p[..., 1]) - (q[..., 1] - p[..., 1]) * (r[..., 0] - p[..., 0])

    p, q, r, s = a[..., :2], a[..., 2:], b[..., :2], b[..., 2:]
    return (side(p, q, r) * side(p, q, s) < 0) & (side(r, s, p) * side(r, s, q) < 0)


def _distance_to_segment(points: np.ndarray, segments: np.ndarray) -> np.ndarray:
    start, step = segments[..., :2], segments[..., 2:] - segments[..., :2]
    length2 = np.maximum((step**2).sum(-1), 1e-9)
    along = np.clip(((points - start) * step).sum(-1) / length2, 0, 1)
    return np.linalg.norm(points - start - along[..., None] * step, axis=-1)
