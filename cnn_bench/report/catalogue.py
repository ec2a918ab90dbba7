"""The charts by the names that experiments call them by in their CHARTS."""

from collections.abc import Callable, Sequence
from functools import partial

from cnn_bench.errors import unknown
from cnn_bench.report import ablation, density, ensemble_chart, figures, forest, learning, overlap
from cnn_bench.report.material import Material
from cnn_bench.report.saving import Described

DEFAULT = ('accuracy_vs_macs',)


def make(name: str, material: Material) -> Described | None:
    """The description of the chart `name`; None where the material has not the data for it.

    Raises UserError where there is no chart of that name.
    """
    if name not in CHARTS:
        raise unknown('chart', name, CHARTS)
    return CHARTS[name](material)


def choose(material: Material) -> tuple[list[Described], list[Described]]:
    """The charts that answer the study's question, in its order, and all others that the data allow.

    Where none of the former can be drawn, the default stands first.
    """
    asked = tuple(material.study.charts) if material.study else ()
    first = _made(asked, material) or _made(DEFAULT, material)
    there = {chart.name for chart in first}
    return first, _made([name for name in CHARTS if name not in there], material)


def _made(names: Sequence[str], material: Material) -> list[Described]:
    return [chart for name in names if (chart := make(name, material)) is not None]


def _against(name: str, material: Material) -> Described | None:
    return figures.accuracy_vs_cost(material.summary, name)


def _learning(material: Material) -> Described | None:
    if material.curves is None:
        return None
    return learning.learning_curves(material.curves, material.names, figures.subtitle(material.summary))


def _density(material: Material) -> Described | None:
    return density.accuracy_density(material.summary)


def _differences(material: Material) -> Described | None:
    baseline = material.study.baseline if material.study else ''
    if not baseline:
        return None
    return forest.forest(ablation.differences(material.table, baseline, material.predictions), baseline)


def _overlap(material: Material) -> Described | None:
    shares = overlap.shares(material.table, material.predictions, material.names)
    return overlap.error_overlap(shares, figures.subtitle(material.summary))


def _ensembles(material: Material) -> Described | None:
    subtitle = figures.subtitle(material.summary)
    return ensemble_chart.error_against_cost(material.members, material.ensembles, subtitle)


CHARTS: dict[str, Callable[[Material], Described | None]] = {
    **{name: partial(_against, name) for name in figures.COSTS},
    'learning_curves': _learning,
    'accuracy_density': _density,
    'differences': _differences,
    'error_overlap': _overlap,
    'ensembles': _ensembles,
}
