"""The study behind a sweep, in its `sweep.json`: question, hypotheses, what was held equal, trials and answer.

Sweeps write it; reports and notebooks read it, so that a copy of the logs is enough to answer the question.
"""

import dataclasses
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from cnn_bench.errors import UserError
from cnn_bench.runs import shapes
from cnn_bench.runs.directory import RunDirectory

RECORD = 'sweep.json'
HYPOTHESES = 'claims'  # their key in that file
HELD_EQUAL = {
    'epochs': 'every network sees the training images equally often',
    'macs': 'every network is trained with equally many multiply-adds',
    'seconds': 'every network is trained equally long on this machine',
}

# A hypothesis may compare these besides variants; reports compute both from the predictions of the runs of one seed.
TOGETHER = 'all networks together'  # their probabilities averaged
BEST_SINGLE = 'the best single network'  # by its validation error; without one by its test error, which favours it


@dataclass(frozen=True)
class Hypothesis:
    """An expected difference: variant `less` has at least `by` less of `column` than variant `more`."""

    text: str  # in a sentence
    source: str  # who states it, and where
    _: KW_ONLY
    less: str  # the label of a variant, TOGETHER or BEST_SINGLE
    more: str
    column: str = 'top1_err_pct'  # of the tidy table
    by: float = 0.0


@dataclass(frozen=True)
class Study:
    """The content of sweep.json."""

    experiment: str  # the path of its file
    question: str
    source: str  # where the question comes from
    preset: str
    seeds: int
    held_equal: str  # a key of HELD_EQUAL
    baseline: str  # label of the variant that the others are compared with; empty: with none
    charts: tuple[str, ...]  # names of the charts that answer the question, the most telling first
    hypotheses: tuple[Hypothesis, ...]
    trials: tuple[dict, ...] = field(default=())  # id, name, seed, state; `reason`; `measured` columns; `code`
    answer: str = ''  # Markdown
    changes: dict = field(default_factory=dict)  # fields of the recipe that the sweep set for all variants

    @property
    def measured(self) -> dict[str, dict]:
        """Trial id -> the columns that the experiment measured from the trial's log."""
        return {trial['id']: trial['measured'] for trial in self.trials if trial.get('measured')}


_SHAPE = {
    **dict.fromkeys(('experiment', 'question', 'source', 'preset', 'held_equal', 'baseline'), shapes.TEXT),
    'seeds': shapes.COUNT,
    'charts': [shapes.TEXT],
    HYPOTHESES: [
        {
            **dict.fromkeys(('text', 'source', 'less', 'more'), shapes.TEXT),
            'column': shapes.Optional(shapes.TEXT),
            'by': shapes.Optional(shapes.SIGNED),
        }
    ],
    'trials': [
        {
            **dict.fromkeys(('id', 'name', 'state'), shapes.TEXT),
            'seed': shapes.COUNT,
            'reason': shapes.Optional(shapes.TEXT),
            'wall_s': shapes.Optional(shapes.NUMBER),
            'code': shapes.Optional(shapes.Each(shapes.TEXT)),
            'measured': shapes.Optional(shapes.Each(shapes.Optional(shapes.SIGNED))),
        }
    ],
    'answer': shapes.Optional(shapes.TEXT),
    'changes': shapes.Optional({}),
}


def read(directory: str | Path) -> Study | None:
    """The Study of the sweep in `directory`; None where it is no sweep. Raises UserError where it is damaged."""
    run = RunDirectory(directory)
    content = run.read(RECORD)
    if content is None:
        return None
    try:
        shapes.check(content, _SHAPE)
        content = _known(content)
        hypotheses = tuple(Hypothesis(**_known(fields)) for fields in content.pop(HYPOTHESES))
        charts, trials = tuple(content.pop('charts')), tuple(content.pop('trials'))
        return Study(**content, hypotheses=hypotheses, charts=charts, trials=trials)
    except (TypeError, ValueError) as error:
        raise UserError(f'{run / RECORD} does not hold what a sweep writes ({error})') from error


def _known(fields: dict) -> dict:
    return {name: value for name, value in fields.items() if value is not None}


def write(directory: str | Path, study: Study) -> None:
    """Write sweep.json, whole or not at all."""
    content = dataclasses.asdict(study)
    content[HYPOTHESES] = content.pop('hypotheses')
    RunDirectory(directory).write(RECORD, content)
