"""Where the labels of a scatter chart go, so that none covers another label or a mark.

Plain geometry in pixels, no matplotlib. Every label tries positions on rings around its point; a position is excluded
if the box leaves the frame or touches a mark or a label already placed. The rest are ranked by a cost; then small
groups of neighbours are taken out and placed again where that is cheaper for the group. Nothing is random.

adjustText 1.4 and textalloc 1.2 were tried first: with 60 labels they left 19 and 4 overlapping pairs.
"""

import numpy as np

LABEL_PAD = (6.0, 2.0)  # minimum space between two labels, across and down
MARK_PAD = 1.5  # minimum space between a label and a mark
DOT_PAD = 3.0  # between a label and the middle of a dot, where there is room
LEADER_FROM = 9.0  # a label farther than this from its mark gets a leader line

_ANGLES = np.arange(24) * (2 * np.pi / 24)
_GAPS = np.array([3, 7, 12, 18, 26, 36, 48, 62, 80, 100, 125, 155, 190, 230, 280.0])
_RESEATED = (1, 2, 4, 6, 3, 1)  # how many neighbours are placed again together, pass by pass
_MOST, _FEWEST = 3e7, 24  # positions of all labels times labels, which bounds the memory; positions of a label

# Costs, as the extra distance in pixels that is worth avoiding each.
_UNLIKE_EAST = 4.0
_NEARER_TO_OTHER = 14.0
_ON_LINE = 26.0
_ON_DOT = 80.0
_LEADER_OVER_MARK = 90.0
_LEADER_OVER_LABEL = 250.0
_LEADERS_CROSS = 120.0


def place(
    anchors: np.ndarray,
    radii: np.ndarray,
    sizes: np.ndarray,
    frame: tuple[float, float],
    lines: np.ndarray | None = None,
    dots: np.ndarray | None = None,
) -> np.ndarray | None:
    """Boxes `(m, 4)` as x0, y0, x1, y1 for the labels of `m` points, or None if the frame has no room for them all.

    anchors: `(n, 2)` centres of the marks. radii: `(n,)` of the circles around the marks. sizes: `(m, 2)` width and
    height of the labels of the first `m` marks. frame: width and height that the labels must stay in, its corner at
    0, 0. lines: `(k, 4)` segments x0, y0, x1, y1 that labels should avoid (a front, error bars). dots: `(l, 2)`
    points that they should avoid even more (seeds).
    """
    lines = np.empty((0, 4)) if lines is None else np.asarray(lines, dtype=float)
    dots = np.empty((0, 2)) if dots is None else np.asarray(dots, dtype=float)
    most = max(_FEWEST, int(_MOST / max(len(sizes), 1) ** 2))
    labels = [_Label(i, anchors, radii, sizes[i], frame, lines, dots, most) for i in range(len(sizes))]
    seats = _Seats(labels)
    for i in sorted(range(len(labels)), key=lambda i: (len(labels[i].boxes), i)):
        if not seats.seat(i):
            labels[i].widen()
            seats.renew(i)
            if not seats.seat(i):
                return None
    near = np.argsort(_distance_between(anchors[: len(sizes)]), axis=1, kind='stable')
    for count in _RESEATED:
        for i in range(len(labels)):
            seats.reseat(near[i, :count].tolist())
    return np.array([label.boxes[seats.at[i]] for i, label in enumerate(labels)]).reshape(-1, 4)


def leader(box: np.ndarray, i: int, anchors: np.ndarray, radii: np.ndarray) -> np.ndarray | None:
    """The leader line x0, y0, x1, y1 from label `box` to the centre of mark `i`, to be drawn beneath the mark.

    None where the label is close to its mark and closer to it than to any other.
    """
    gaps = np.maximum(_distance(box[None, :], anchors) - radii, 0)[0]
    if gaps[i] <= LEADER_FROM and gaps[i] <= np.delete(gaps, i).min(initial=np.inf):
        return None
    return np.concatenate([np.clip(anchors[i], box[:2], box[2:]), anchors[i]])


class _Label:
    """The positions that one label may take, regardless of the other labels, and their costs, the cheapest first."""

    def __init__(self, i, anchors, radii, size, frame, lines, dots, most):
        self.i, self.anchors, self.radii, self.size, self.frame = i, anchors, radii, size, frame
        self.lines, self.dots = lines, dots
        self._keep(_rings(anchors[i], radii[i], size), most)

    def widen(self) -> None:
        """Allow any place in the frame."""
        width, height = self.size
        x = np.arange(0, self.frame[0] - width, max(width / 3, 4))
        y = np.arange(0, self.frame[1] - height, max(height / 2, 4))
        corners = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        self._keep(np.concatenate([corners, corners + self.size], axis=1))

    def _keep(self, boxes: np.ndarray, most: int | None = None) -> None:
        boxes = boxes[(boxes[:, :2] >= 0).all(1) & (boxes[:, 2:] <= self.frame).all(1)]
        gaps = _distance(boxes, self.anchors) - self.radii
        kept = (gaps >= MARK_PAD).all(1)
        boxes = boxes[kept]
        leaders = _leaders(boxes, self.anchors[self.i], self.radii[self.i])
        cost = self._fixed_cost(boxes, leaders, gaps[kept])
        order = np.argsort(cost, kind='stable')[:most]
        self.boxes, self.leaders, self.cost = boxes[order], leaders[order], cost[order]
        self.hulls = _hulls(self.boxes, self.leaders)

    def _fixed_cost(self, boxes: np.ndarray, leaders: np.ndarray, gaps: np.ndarray) -> np.ndarray:
        i = self.i
        others = np.delete(np.arange(len(self.anchors)), i)
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2 - self.anchors[i]
        east = np.cos(np.arctan2(middle[:, 1], middle[:, 0]) - 0.1)  # a little above the horizontal reads best
        cost = gaps[:, i] + _UNLIKE_EAST * (1 - east)
        cost = cost + _NEARER_TO_OTHER * (gaps[:, others] < gaps[:, [i]]).sum(1)
        around = boxes + np.array([-1, -1, 1, 1]) * MARK_PAD
        cost += _ON_LINE * _crosses_box(self.lines[None], around[:, None]).sum(1)
        cost += _ON_DOT * (_distance(boxes, self.dots) < DOT_PAD).sum(1)
        through = _distance_to_segment(self.anchors[others][None], leaders[:, None]) < self.radii[others]
        return cost + _LEADER_OVER_MARK * through.sum(1)


class _Seats:
    """The position `at` which each label sits, and what that costs the others.

    `over[i][p, j]` is the cost of position p of label i due to label j where it sits, inf where they overlap. It is
    renewed when j moves, which is seldom; where to sit is then a matter of sums.
    """

    def __init__(self, labels: list[_Label]):
        self.labels, self.at = labels, {}
        self.over = [np.zeros((len(label.boxes), len(labels)), np.float32) for label in labels]
        self._stack()

    def seat(self, i: int) -> bool:
        """Place label i at its cheapest position given those already placed; False where none is free."""
        cost = self.labels[i].cost + self.over[i].sum(1)
        free = cost.size > 0 and cost.min() < np.inf
        if free:
            self._move(i, int(cost.argmin()))
        return free

    def renew(self, i: int) -> None:
        """Take note that label i has other positions."""
        self._stack()
        self.over[i] = np.zeros((len(self.labels[i].boxes), len(self.labels)), np.float32)
        for j, seat in self.at.items():
            self.over[i][:, j] = self._between(i, j, seat)

    def reseat(self, group: list[int]) -> None:
        """Take a few neighbours out and place them again in either order; keep the cheapest joint placement."""
        rest = np.ones(len(self.labels), bool)
        rest[group] = False
        alone = {i: self.labels[i].cost + self.over[i][:, rest].sum(1) for i in group}
        best, chosen = self._joint(alone, group, self.at), {}
        if best <= sum(cost.min() for cost in alone.values()) + 1e-6:
            return
        for order in (group, group[::-1]):
            tried: dict[int, int] = {}
            total = self._joint(alone, order, tried)
            if total < best - 1e-6:
                best, chosen = total, tried
        for i, seat in chosen.items():
            if seat != self.at[i]:
                self._move(i, seat)

    def _joint(self, alone: dict[int, np.ndarray], order: list[int], seats: dict[int, int]) -> float:
        """Cost of labels placed in `order`, each pair counted once; of those not in `seats`, the cheapest is added."""
        total = 0.0
        for k, i in enumerate(order):
            cost = sum((self._due_to(i, j, seats[j]) for j in order[:k]), start=alone[i])
            seats.setdefault(i, int(cost.argmin()))
            total += cost[seats[i]]
        return float(total)

    def _due_to(self, i: int, j: int, seat: int) -> np.ndarray:
        """What each position of label i costs if label j sits at `seat`."""
        return self.over[i][:, j] if self.at.get(j) == seat else self._between(i, j, seat)

    def _between(self, i: int, j: int, seat: int) -> np.ndarray:
        one, other = self.labels[i], self.labels[j]
        return _between(one.boxes, one.leaders, one.hulls, other.boxes[seat], other.leaders[seat], other.hulls[seat])

    def _move(self, j: int, seat: int) -> None:
        self.at[j] = seat
        label = self.labels[j]
        costs = _between(*self._every, label.boxes[seat], label.leaders[seat], label.hulls[seat])
        for i, part in enumerate(np.split(costs, self._ends)):
            self.over[i][:, j] = part if i != j else 0

    def _stack(self) -> None:
        parts = ([getattr(label, of) for label in self.labels] for of in ('boxes', 'leaders', 'hulls'))
        self._every = [np.concatenate(part) if part else np.empty((0, 4)) for part in parts]
        self._ends = np.cumsum([len(label.boxes) for label in self.labels])[:-1]


def _between(
    boxes: np.ndarray, leaders: np.ndarray, hulls: np.ndarray, box: np.ndarray, leader: np.ndarray, hull: np.ndarray
) -> np.ndarray:
    """`(n,)`: the cost of each of n boxes with their leaders beside another box and leader, inf where boxes overlap."""
    costs = np.zeros(len(boxes), np.float32)
    near = np.flatnonzero(_overlap(hulls, hull, LABEL_PAD))
    boxes, leaders = boxes[near], leaders[near]
    over = _crosses_box(leaders, box).astype(float) + _crosses_box(leader, boxes)
    found = _LEADER_OVER_LABEL * over + _LEADERS_CROSS * _segments_cross(leaders, leader)
    found[_overlap(boxes, box, LABEL_PAD)] = np.inf
    costs[near] = found
    return costs


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
    x, y = (
        np.maximum(np.maximum(boxes[:, k, None] - points[:, k], points[:, k] - boxes[:, k + 2, None]), 0)
        for k in (0, 1)
    )
    return np.sqrt(x * x + y * y)


def _leaders(boxes: np.ndarray, anchor: np.ndarray, radius: float) -> np.ndarray:
    start = np.clip(anchor, boxes[:, :2], boxes[:, 2:])
    away = start - anchor
    length = np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9)
    return np.concatenate([start, anchor + away / length * np.minimum(radius, length)], axis=1)


def _hulls(boxes: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """The boxes around each box and its segment."""
    ends = segments.reshape(-1, 2, 2)
    return np.hstack([np.minimum(boxes[:, :2], ends.min(1)), np.maximum(boxes[:, 2:], ends.max(1))])


def _overlap(a: np.ndarray, b: np.ndarray, pad: tuple[float, float]) -> np.ndarray:
    across, down = pad
    beside = (a[..., 0] < b[..., 2] + across) & (b[..., 0] < a[..., 2] + across)
    return beside & (a[..., 1] < b[..., 3] + down) & (b[..., 1] < a[..., 3] + down)


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
