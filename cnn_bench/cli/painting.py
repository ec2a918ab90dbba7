"""What `stylize` and `dream` share: arguments, reading pictures, and showing and saving a picture while it is made."""

import argparse
import math
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn_bench.cli import arguments
from cnn_bench.errors import RunFailed, Stopped, UserError, printable

if TYPE_CHECKING:
    import numpy as np

    from cnn_bench.inference.pixels import Step
    from cnn_bench.trained import TrainedModel

FORMATS = {'.png': 'PNG', '.jpg': 'JPEG', '.jpeg': 'JPEG'}
LARGEST = 8192  # pixels of a side
LINES = 10  # that tell of progress where there is no terminal


def add_arguments(parser: argparse.ArgumentParser, out: str) -> None:
    """The network, and --seed, --out, --every and --json; `out` is the default of --out."""
    arguments.add_model(parser)
    parser.add_argument('--seed', type=arguments.whole(0), default=0, metavar='N', help='seed of whatever is random')
    parser.add_argument('--out', default=out, metavar='FILE', help='the picture to write, .png or .jpg')
    parser.add_argument(
        '--every', type=arguments.whole(1), metavar='N', help='also write the picture of every Nth step, beside --out'
    )
    parser.add_argument('--json', action='store_true', help='print JSON')


def check_out(text: str) -> Path:
    """`text` as a path to which a picture can be written. Raises UserError."""
    path = Path(text)
    if path.suffix.lower() not in FORMATS or not path.absolute().parent.is_dir() or path.is_dir():
        raise UserError(f'--out {text} must be a {" or ".join(FORMATS)} file in an existing directory')
    return path


def load_model(args: argparse.Namespace) -> 'TrainedModel':
    """The network of the arguments. Raises UserError unless it takes pictures."""
    model = arguments.load_model(args)
    if model.input_shape[2] not in (1, 3):
        raise UserError(f'{model.arch} takes images of {model.input_shape[2]} channels; pictures have 1 or 3')
    return model


def read_picture(path: str, model: 'TrainedModel', size: int) -> 'np.ndarray':
    """The picture in a file, uint8 (h, w, c), with `size` pixels along its longer side. Raises UserError."""
    from cnn_bench.data import pictures
    from cnn_bench.inference import pixels

    try:
        return pixels.sized(pictures.read(path, model.input_shape[2]), size)
    except pictures.Refused as refused:
        raise UserError(f'{path}: {refused}') from None


def paint(steps: 'Iterable[Step]', total: int, out: Path, every: int | None, shown: tuple[str, ...]) -> dict[str, Any]:
    """Take all `steps`, of which there are `total`, write the picture to `out`, and return a record: the step reached,
    the parts of the loss of which `shown` has the names, and the seconds taken.

    On Ctrl-C and other signals that ask to stop, the picture so far is written and `Stopped` raised; a second Ctrl-C
    ends the command at once. Raises RunFailed where the loss is no number.
    """
    from cnn_bench.runtime.answering import Answering
    from cnn_bench.runtime.signals import StopSignals

    began, parts, step = time.monotonic(), {}, None
    with _Progress(total) as progress, StopSignals() as signals, Answering(progress.asked_to_stop):
        for step in steps:
            parts |= {name: float(step.parts[name]) for name in ('loss', *shown) if name in step.parts}
            if not math.isfinite(parts['loss']):
                raise RunFailed(f'the loss of step {step.number} is {parts["loss"]}; nothing is written')
            progress.show(step.number, parts)
            if signals.received:
                break
            if every and step.number % every == 0 and step.number < total:
                _write(step, out.with_name(f'{out.stem}_{step.number:0{len(str(total))}d}{out.suffix}'))
        _write(step, out)
    if step.number < total:
        raise Stopped(f'stopped after step {step.number} of {total}; {out} has the picture so far')
    return {'steps': total, **parts, 'seconds': round(time.monotonic() - began, 1), 'out': str(out)}


def _write(step: 'Step', path: Path) -> None:
    from PIL import Image

    from cnn_bench.files import write_atomically

    image = step.image
    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    write_atomically(path, lambda file: picture.save(file, FORMATS[path.suffix.lower()]))


class _Progress:
    """A bar with the loss, its parts and the time left at a terminal, some lines elsewhere; both on stderr."""

    def __init__(self, total: int):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._total, self._first = total, None
        console = Console(file=sys.stderr, soft_wrap=True)
        columns = (TextColumn('{task.description}'), BarColumn(20), MofNCompleteColumn(), TimeRemainingColumn())
        shown = {'console': console, 'transient': True, 'disable': not console.is_terminal}
        self._bar = Progress(*columns, **shown, redirect_stdout=False)  # stdout may be a file
        self._task = self._bar.add_task('compiling', total=total)

    def __enter__(self) -> '_Progress':
        self._bar.start()
        return self

    def __exit__(self, *exception) -> None:
        self._bar.stop()

    def asked_to_stop(self) -> None:
        """Answer Ctrl-C."""
        self._say('saving after this step, one moment; again to abort')

    def show(self, step: int, parts: dict[str, float]) -> None:
        """Show that `step` is done, and the loss."""
        now = time.monotonic()
        self._first = self._first or (now, step)  # before that it compiled
        words = ', '.join(f'{name} {value:.4g}' for name, value in parts.items())
        self._bar.update(self._task, completed=step, description=words)
        if self._bar.disable and (step == self._total or step % -(-self._total // LINES) == 0):
            since, first = self._first
            left = (now - since) / (step - first) * (self._total - step) if step > first else None
            self._say(f'step {step} of {self._total}: {words}' + (f', {left:.0f} s left' if left else ''))

    def _say(self, line: str) -> None:
        if self._bar.disable:
            print(printable(line), file=sys.stderr, flush=True)
        else:
            self._bar.console.print(printable(line), markup=False, highlight=False)
