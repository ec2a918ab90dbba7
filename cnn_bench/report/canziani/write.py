"""Writes the figures, the page and the claims into one directory, all or nothing."""

import dataclasses
import json
from pathlib import Path

from cnn_bench.analysis.canziani import claims
from cnn_bench.analysis.canziani.claims import Claim
from cnn_bench.analysis.canziani.data import Data
from cnn_bench.format import printable
from cnn_bench.report.canziani import against, by_batch, by_network, page
from cnn_bench.report.charts import saving
from cnn_bench.report.charts.spec import ChartSpec
from cnn_bench.report.charts.style import PAGE as ON_PAGE
from cnn_bench.report.charts.style import Style
from cnn_bench.report.write import write_whole

NAME = 'canziani'
CLAIMS, PAGE = 'claims.json', 'index.html'
FIGURES = (
    by_network.top1,
    against.accuracy_against_operations,
    by_batch.time,
    by_batch.power,
    by_batch.memory,
    against.memory_against_parameters,
    against.operations_against_time,
    against.operations_against_power,
    against.accuracy_against_speed,
    by_network.density,
)


def figures(data: Data) -> list[ChartSpec]:
    """The ten figures in their order; one that the data do not allow is an `Absent` that says why."""
    return [figure(data) for figure in FIGURES]


def write(data: Data, judged: list[Claim], out: Path, style: Style = ON_PAGE) -> Path:
    """Write `figure01_...` to `figure10_...` as PNG, SVG and PDF, index.html and claims.json into `out`.

    Returns the path of the page. All files are made elsewhere first, so that a failure leaves `out` as it was. Raises
    UserError where `out` cannot be written.
    """

    def fill(directory: Path) -> None:
        drawn = saving.save_all(figures(data), directory, style)
        (directory / PAGE).write_text(printable(page.render(data, judged, drawn)), encoding='utf-8')
        (directory / CLAIMS).write_text(_json(data, judged), encoding='utf-8')

    write_whole(out, fill)
    return out / PAGE


def _json(data: Data, judged: list[Claim]) -> str:
    content = {
        'source': claims.SOURCE,
        'device': data.chosen.device,
        'dtype': data.chosen.dtype,
        'accuracy': data.accuracy.words,
        'claims': [dataclasses.asdict(claim) for claim in judged],
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + '\n'
