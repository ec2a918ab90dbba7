"""An executor that trains nothing: a function says what becomes of a trial, and its run files are written by hand."""

import random

from cnn_bench import recipe
from cnn_bench.runs import schema
from cnn_bench.sweep.executor import EndedTrial


class Killed(BaseException):
    """Stands for a kill -9 of the sweep."""


class FakeExecutor:
    """Runs `jobs` trials at a time, which end in an order drawn by `seed`.

    `error` returns the validation error of a trial in per cent; None: it diverged. After `lives` trials that ended, the
    sweep is killed.
    """

    trains_here = False

    def __init__(self, error, jobs: int = 3, seed: int = 0, lives: int | None = None):
        self.error, self.jobs, self.lives, self.draw = error, jobs, lives, random.Random(seed)
        self.at_work, self.started = [], []

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def free(self):
        return self.jobs - len(self.at_work)

    def running(self):
        return [trial for trial, _ in self.at_work]

    def stop(self):
        pass

    def start(self, trial, run):
        run.create()
        run.write(schema.CONFIG, recipe.to_dict(trial.config))
        self.at_work.append((trial, run))
        self.started.append((trial.folder, trial.id, trial.until_step))

    def ended(self):
        if not self.at_work:
            return []
        if self.lives is not None and len(self.started) > self.lives:
            raise Killed
        trial, run = self.at_work.pop(self.draw.randrange(len(self.at_work)))
        error = self.error(trial)
        if error is None:
            run.write(schema.SUMMARY, {'state': 'diverged', 'reason': 'the loss is nan'})
        elif trial.until_step:
            row = {'kind': 'val', 'step': trial.until_step, 'epoch': trial.until_step / 4, 'top1_err_pct': error}
            if row not in run.metrics():
                run.append([row])
        else:
            test = {} if not trial.config.dataset.test else {'top1_err_pct': error + 1}
            run.write(schema.SUMMARY, {'state': 'finished', 'steps': 4, 'val_top1_err_pct': error, **test})
        return [EndedTrial(trial, 1 if error is None else 0)]
