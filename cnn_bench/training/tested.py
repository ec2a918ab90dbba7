"""A run's newest checkpoint on its test split."""

from pathlib import Path

from cnn_bench.runs import RunDirectory
from cnn_bench.runs.predictions import Predictions
from cnn_bench.training.evaluate import Evaluation
from cnn_bench.training.restore import restore
from cnn_bench.training.state import State
from cnn_bench.training.task import Task
from cnn_bench.training.validation import evaluate_state


def evaluate_run(workdir: str | Path, data_dir: str | None = None) -> dict:
    """Its metrics, with the step that they are of."""
    task, state = restore(RunDirectory(workdir), data_dir)
    return {'arch': task.config.model.arch, 'step': int(state.step), **_evaluate(task, state).metrics}


def predict_run(workdir: str | Path, data_dir: str | None = None) -> Predictions:
    """What it makes of each image, with the log-probabilities of all classes however many there are."""
    found = _evaluate(*restore(RunDirectory(workdir), data_dir))
    return Predictions(found.labels, found.log_probs.argmax(axis=1), found.log_probs)


def _evaluate(task: Task, state: State) -> Evaluation:
    return evaluate_state(task.compiled_eval_step(), state, task.test_feed, task.config.eval_batch_size)
