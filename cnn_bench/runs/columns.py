"""The columns of the tidy table, a row per run: what each holds, how it is written and how it is averaged over seeds.

A new metric is one entry here. What a run's `summary.json` holds under its name then follows into the tidy table and
its exports, the summary, Markdown, LaTeX, the page and, where the entry names a cost, a chart of accuracy against it.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Literal

# How the runs of one configuration become a row of the summary. Runs that agree in all KEY columns are one
# configuration; a speed is averaged only where all runs had one device; JOINED lists the values; DROPPED is left out.
KEY, MEAN, DEVICE_MEAN, FIRST, JOINED, DROPPED = 'key', 'mean', 'mean on one device', 'first', 'joined', 'dropped'


@dataclass(frozen=True)
class Column:
    """One column. `text` writes a value as all tables do."""

    name: str
    doc: str
    kind: Literal['text', 'prose', 'flag', 'count', 'number'] = 'text'  # prose: long text, which LaTeX tables leave out
    over_seeds: str = FIRST
    _: KW_ONLY
    words: str = ''  # in sentences: 'top-1 error'
    unit: str = ''  # of the value itself
    header: str = ''  # in the summary, with the unit in brackets; without one the summary does not show it
    format: str | Callable[[float], str] = ''  # format specification of value / scale, or what writes it
    scale: float = 1
    axis: str = ''  # label of an axis, where it is not words and unit
    cost: str = ''  # accuracy is charted against it as `accuracy_vs_<cost>`
    told_by: str = ''  # the column that says how this one was measured, for the end of the axis label
    better: str = 'less'  # in 'fewer multiply-adds and less error'; of a cost that is 'more', more is better

    @property
    def numeric(self) -> bool:
        return self.kind in ('count', 'number')

    @property
    def counted(self) -> bool:
        """Whether it is counted from the network, so that all seeds have the same."""
        return self.kind == 'count' and self.over_seeds == FIRST

    @property
    def axis_label(self) -> str:
        return self.axis or f'{self.words} ({self.unit})'

    def text(self, value: object) -> str:
        """`value` as tables show it, '' where it is unknown."""
        if value is None or value != value:  # nan
            return ''
        if self.kind == 'flag':
            return 'yes' if value else ''
        if not self.numeric:
            return str(value)
        return self.format(value / self.scale) if callable(self.format) else f'{value / self.scale:{self.format}}'


# fmt: off
COLUMNS: dict[str, Column] = {
    column.name: column
    for column in (
        Column('arch', 'name in the registry', over_seeds=KEY),
        Column('label', 'name in charts and tables: the arch, and what sets the run apart from the plain network',
               over_seeds=KEY, header='Network'),
        Column('family', 'family of the architecture', over_seeds=KEY, words='family', header='Family'),
        Column('year', 'year of publication', 'count', header='Year', format='.0f'),
        Column('params', 'trainable parameters; of branches that are fused for use, those of the fused form', 'count',
               words='parameters', header='Parameters (M)', format=',.3f', scale=1e6, axis='trainable parameters',
               cost='params', better='fewer'),
        Column('macs', 'multiply-adds of convolutions and dense layers, one image forward, branches fused', 'count',
               words='multiply-adds', header='MACs (M)', format=',.2f', scale=1e6,
               axis='multiply-adds of one image, forward (MACs)', cost='macs', better='fewer'),
        Column('flops', '2 x macs', 'count', words='operations'),
        Column('train_macs', 'multiply-adds of a training step, one image forward and backward; mean over the steps',
               'count', words='multiply-adds of training'),
        Column('activation_bytes', 'outputs of convolutions, dense and pooling layers, one image forward', 'count',
               words='activation memory', unit='bytes', axis='outputs of all layers of one image, forward (bytes)',
               cost='activation_memory'),
        Column('top1_err_pct', 'test images whose label is not the first prediction, per cent', 'number', MEAN,
               words='top-1 error', unit='%', header='Top-1 error (%)', format=',.2f'),
        Column('top5_err_pct', 'test images whose label is not among the first five predictions, per cent', 'number',
               MEAN, words='top-5 error', unit='%', header='Top-5 error (%)', format=',.2f'),
        Column('miou_err_pct', '100 minus the mean intersection over union of the classes in the test images, of '
               'segmentation', 'number', MEAN, words='error by mean IoU', unit='%', header='100 - mean IoU (%)',
               format=',.2f'),
        Column('pixel_err_pct', 'test pixels whose class is missed, of segmentation', 'number', MEAN,
               words='pixel error', unit='%', header='Pixel error (%)', format=',.2f'),
        Column('test_loss', 'mean cross-entropy on the test set, nats', 'number', MEAN, words='test loss'),
        Column('train_err_pct', 'top1_err_pct on the training images, mean over the last epoch logged, each window '
               'weighted by its steps; measured during training: augmented, with dropout, while the weights change',
               'number', MEAN, words='training error', unit='%', header='Training error (%)', format=',.2f'),
        Column('collapsed', 'whether the training error of a finished run stayed at chance, by the rule of '
               '`runs/collapse.py`; empty where that is unknown', 'flag', DROPPED),
        Column('val_top1_err_pct', 'top1_err_pct on the validation images, by the weights that were tested', 'number',
               MEAN, words='validation error', unit='%', header='Validation error (%)', format=',.2f'),
        Column('val_top5_err_pct', 'top5_err_pct on the validation images', 'number', MEAN,
               words='top-5 validation error', unit='%'),
        Column('val_miou_err_pct', 'miou_err_pct on the validation images', 'number', MEAN,
               words='validation error by mean IoU', unit='%'),
        Column('val_pixel_err_pct', 'pixel_err_pct on the validation images', 'number', MEAN,
               words='validation pixel error', unit='%'),
        Column('val_loss', 'mean cross-entropy on the validation images, nats', 'number', MEAN,
               words='validation loss'),
        Column('tested_step', 'step of the weights that were tested: the last, or with `keep_best` that of the best '
               'validation', 'count', DROPPED),
        Column('best_step', 'step of the best validation', 'count', DROPPED),
        Column('ema_top1_err_pct', 'top1_err_pct of the averaged weights, where the recipe keeps an average', 'number',
               MEAN, words='top-1 error of the averaged weights', unit='%'),
        Column('ema_top5_err_pct', 'top5_err_pct of the averaged weights', 'number', MEAN,
               words='top-5 error of the averaged weights', unit='%'),
        Column('ema_test_loss', 'test_loss of the averaged weights', 'number', MEAN,
               words='test loss of the averaged weights'),
        Column('val_ema_top1_err_pct', 'val_top1_err_pct of the averaged weights', 'number', MEAN,
               words='validation error of the averaged weights', unit='%'),
        Column('images_per_s', 'training images per second on this device, without compilation', 'number', DEVICE_MEAN,
               words='training throughput', unit='images/s', header='Images/s (training)', format=',.0f',
               axis='training images per second', cost='throughput', better='more'),
        Column('train_s', 'seconds spent in training steps, without compilation', 'number', DEVICE_MEAN,
               words='training time', unit='s', header='Seconds (training)', format=',.0f',
               axis='seconds of training, compilation left out', cost='training_time'),
        Column('measured_latency_ms', 'median time of an inference call on one batch, as `cnn-bench measure` found it '
               'for this arch, width and input size; in reports with --measured, as the next four', 'number',
               words='measured latency', unit='ms', header='Latency (ms)', format=',.3f', cost='measured_latency',
               axis='median time of a call (ms)', told_by='measured_on'),
        Column('measured_images_per_s', 'images per second at inference', 'number', words='measured images per second',
               header='Images/s (inference)', format=',.1f', cost='measured_images_per_s',
               axis='images per second at inference', told_by='measured_on', better='more'),
        Column('measured_memory_bytes', 'memory that the compiled inference program plans', 'number',
               words='measured memory', unit='MiB', header='Planned memory (MiB)', format=',.1f', scale=2**20,
               cost='measured_memory', axis='planned memory at inference (bytes)', told_by='measured_on'),
        Column('measured_energy_j', 'energy of one image at inference, that of the idle device taken off; where there '
               'is a sensor', 'number', words='measured energy', unit='J', header='Energy (J/image)', format=',.3g',
               cost='measured_energy', axis='energy of one image at inference (J)', told_by='measured_on'),
        Column('measured_on', 'batch, dtype, device and threads of the measurement', header='Measured on'),
        Column('epochs', 'passes over the training set; of an unfinished run, those it is to make', 'number', KEY,
               format=lambda epochs: f'{round(epochs, 2):g}'),
        Column('seed', 'seed of initialisation, order, augmentation and dropout', 'count', DROPPED,
               format='.0f'),
        Column('dataset', 'name of the data set', over_seeds=KEY),
        Column('data_fingerprint', 'sha256 over the images and labels of the data set'),
        Column('input_shape', 'height x width x channels', over_seeds=KEY),
        Column('width', 'channel multiplier', 'number', KEY),
        Column('stem', 'form of the first layers', over_seeds=KEY),
        Column('batch_size', 'images per step over all devices', 'count', KEY),
        Column('dtype', 'compute dtype', over_seeds=KEY),
        Column('device', 'kind and number of devices', over_seeds=JOINED),
        Column('recipe', 'first digits of the hash of the config without its seed: equal for runs that repeat each '
               'other; of a published figure its kind, of those of `analysis.published.KINDS`', over_seeds=KEY,
               header='Recipe'),
        Column('training', 'whose recipe the weights of a published figure were trained by, and its year; empty for a '
               'run of ours', over_seeds=KEY, header='Training'),
        Column('data', 'what the weights of a published figure were trained on; empty for a run of ours',
               header='Trained on'),
        Column('versions', 'versions of the libraries that compute'),
        Column('commit', 'commit of the code, with + where there were uncommitted changes'),
        Column('state', 'finished, diverged, out_of_memory, crashed, refused, unfinished (in reports also running or '
               'stopped, where that is known) or damaged (a file cannot be read)', over_seeds=DROPPED),
        Column('reason', 'why it failed or is damaged, in a sentence; empty for others'),
        Column('protocol', 'how a published figure was evaluated: crops, scales, averages; empty for a run of ours, '
               'which is tested as its preprocessing says', 'prose', KEY, header='Protocol'),
        Column('source', '`measured` for a run of ours, otherwise where the figure was published', 'prose', KEY,
               header='Source'),
        Column('run', 'the run directory, relative to the directory that was loaded; empty for published rows',
               over_seeds=JOINED),
    )
}
# fmt: on

_UNITS = (('_pct', '%'), ('_per_s', '/s'), ('_ms', 'ms'), ('_s', 's'))  # by the end of a name


def column(name: str) -> Column:
    """The column `name`. One that an experiment measured is not in COLUMNS: its name tells its words and unit."""
    if name in COLUMNS:
        return COLUMNS[name]
    words = name.replace('_', ' ')
    unit = next((unit for end, unit in _UNITS if name.endswith(end)), '')
    return Column(name, '', 'number', MEAN, header=words, format='.4g', words=words, unit=unit)


def having(**values: object) -> list[str]:
    """Names of the COLUMNS whose attributes have these values: `having(kind='count')`."""
    return [c.name for c in COLUMNS.values() if all(getattr(c, key) == value for key, value in values.items())]


# The errors by which networks are compared, one of each task, and all errors of a run in words.
MAIN_ERRORS = ('top1_err_pct', 'miou_err_pct')
ERRORS = {
    'top1_err_pct': 'top-1 error',
    'top5_err_pct': 'top-5 error',
    'miou_err_pct': 'error by mean IoU',
    'pixel_err_pct': 'pixel error',
}
