"""Pictures of what a network sees: arrays in, matplotlib Figures out. Sizes are in inches.

Right and wrong differ in colour, line style and mark, so they differ in black and white too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

STYLE = {'font.family': 'DejaVu Sans', 'font.size': 8, 'figure.dpi': 100, 'figure.facecolor': 'white'}
RIGHT, WRONG, INK = '#0072b2', '#d55e00', '#1f2328'  # blue and vermilion of Okabe and Ito 2008
CELL = 1.15  # side of a small picture


@dataclass(frozen=True)
class Shown:
    """An image uint8 (h, w, c) and its caption; `right` is None where there is no right answer."""

    image: np.ndarray
    caption: str
    right: bool | None = None


@matplotlib.rc_context(STYLE)
def sheet(rows: Sequence[Sequence[Shown]], title: str = '', first_apart: bool = True) -> Figure:
    """Rows of pictures, such as a query and its neighbours, with frames that mark right and wrong ones."""
    columns = max(len(row) for row in rows)
    figure, grid = _grid(len(rows), columns, CELL, CELL + 0.2, title, first=0.25 if first_apart else 0.0)
    for axes_row, row in zip(grid, rows, strict=True):
        for axes, shown in zip(axes_row, row, strict=False):
            _image(axes, shown.image)
            mark = {None: '', True: '✓ ', False: '✗ '}[shown.right]
            axes.set_xlabel(mark + shown.caption, fontsize=7, labelpad=4, color=INK)
            if shown.right is not None:
                for spine in axes.spines.values():
                    spine.set(visible=True, color=RIGHT if shown.right else WRONG, linewidth=2.5, capstyle='butt')
                    spine.set_linestyle('-' if shown.right else (0, (2, 1.2)))
        for axes in axes_row[len(row) :]:
            axes.set_visible(False)
    return figure


@matplotlib.rc_context(STYLE)
def overlay(image: np.ndarray, classes: np.ndarray, class_names: Sequence[str]) -> Figure:
    """A picture uint8 (h, w, c) with the class of each pixel, (h, w), laid over it in colour, and what colour is what.

    A class has the same colour in every picture of the same `class_names`.
    """
    colours = matplotlib.colormaps['turbo'](np.linspace(0.05, 0.95, len(class_names)))[:, :3]
    colours = colours[np.argsort(np.arange(len(colours)) % 3, kind='stable')]  # neighbours far apart
    height, width = classes.shape
    figure = Figure(figsize=(2 * 3.2 + 1.3, 3.2 * height / width + 0.1))
    for place, shown in enumerate((image, (0.4 * image + 0.6 * 255 * colours[classes]).astype(np.uint8))):
        axes = figure.add_axes((place * 3.2 / 7.7 + 0.005, 0.02, 3.2 / 7.7 - 0.01, 0.96))
        axes.imshow(shown.squeeze(), cmap='gray')
        axes.set_axis_off()
    marks = [Line2D([], [], marker='s', linestyle='', color=colours[label]) for label in np.unique(classes)]
    names = [class_names[label] for label in np.unique(classes)]
    figure.legend(marks, names, loc='center left', bbox_to_anchor=(6.4 / 7.7, 0.5), frameon=False)
    return figure


@matplotlib.rc_context(STYLE)
def maps(values: np.ndarray, title: str = '', columns: int = 8, most: int = 64) -> Figure:
    """The first `most` channels of an activation (h, w, c) as grey pictures, each scaled to its own range."""
    count = min(values.shape[2], most)
    columns = min(columns, count)
    figure, grid = _grid(-(-count // columns), columns, CELL, CELL, _with_count(title, count, values.shape[2]))
    for number, axes in enumerate(np.ravel(grid)):
        if number < count:
            axes.imshow(values[:, :, number], cmap='gray', interpolation='nearest')
        else:
            axes.set_visible(False)
    return figure


@matplotlib.rc_context(STYLE)
def filters(kernels: np.ndarray, title: str = '', columns: int = 8, most: int = 64) -> Figure:
    """Kernels (n, h, w, c): in colour where c is 3, else their mean over c in grey. Zero is middle grey."""
    count = min(len(kernels), most)
    columns = min(columns, count)
    largest = np.abs(kernels[:count]).max() or 1.0
    figure, grid = _grid(-(-count // columns), columns, CELL, CELL, _with_count(title, count, len(kernels)))
    for number, axes in enumerate(np.ravel(grid)):
        if number >= count:
            axes.set_visible(False)
            continue
        shown = 0.5 + kernels[number] / (2 * largest)
        shown = shown if shown.shape[2] == 3 else shown.mean(2)
        axes.imshow(shown, cmap='gray', vmin=0, vmax=1, interpolation='nearest')
    return figure


@matplotlib.rc_context(STYLE)
def heat(image: np.ndarray, panels: Mapping[str, np.ndarray], title: str = '') -> Figure:
    """An image (h, w, c) with heat maps (rows, cols) beside it, each with its own scale."""
    side = 1.9
    figure, grid = _grid(1, len(panels) + 1, side, side + 0.3, title, gap=0.75)
    _image(grid[0][0], image)
    for axes, (name, values) in zip(grid[0][1:], panels.items(), strict=True):
        drawn = axes.imshow(values, cmap='viridis', interpolation='nearest')  # even in black and white
        axes.set_xlabel(name, color=INK)
        bar = figure.colorbar(drawn, cax=axes.inset_axes((1.04, 0, 0.05, 1)))  # taking no room from the panel
        bar.ax.tick_params(labelsize=6)
    return figure


def _grid(
    rows: int, columns: int, cell: float, pitch: float, title: str, first: float = 0.0, gap: float = 0.1
) -> tuple[Figure, list[list[Axes]]]:
    """A figure of cells without ticks, `gap` inches apart and `first` more behind the first column."""
    margin, head = 0.15, 0.4 if title else 0.15
    width = 2 * margin + columns * (cell + gap) - gap + (first if columns > 1 else 0)
    height = head + rows * (pitch + 0.08) + 0.05
    figure = Figure(figsize=(max(width, 0.075 * len(title)), height))
    if title:
        figure.suptitle(title, x=margin / figure.get_figwidth(), y=1 - 0.12 / height, ha='left', va='top', color=INK)
    grid = []
    for row in range(rows):
        bottom = height - head - row * (pitch + 0.08) - cell
        lefts = [margin + column * (cell + gap) + (first if column else 0) for column in range(columns)]
        size = figure.get_figwidth()
        boxes = [(left / size, bottom / height, cell / size, cell / height) for left in lefts]
        grid.append([figure.add_axes(box, xticks=[], yticks=[]) for box in boxes])
        for axes in grid[-1]:
            axes.spines[:].set_visible(False)
    return figure, grid


def _image(axes: Axes, image: np.ndarray) -> None:
    grey = image.shape[2] == 1
    axes.imshow(image[:, :, 0] if grey else image, cmap='gray', vmin=0, vmax=255, interpolation='nearest')


def _with_count(title: str, shown: int, there: int) -> str:
    return title if shown == there else f'{title} ({shown} of {there})'.strip()
