"""The files of a run directory; `columns` has the columns of the tidy table.

config.json        the whole recipe as it was run
provenance.json    git commit, digests of the code (code.py), versions, device, number of CPU cores, dtype, precision,
                   seed, data fingerprint, cost of the network
code.patch         the uncommitted changes of Python files in the newest session, for `git apply` on that commit
network.py         a copy of the network's file, where it is outside the package
metrics.jsonl      a row per logging window (`kind` train) and per evaluation (val, test) of the weights of its step;
                   nothing in it depends on the clock, so two runs of one config on one machine, with equally many
                   CPU cores, write the same bytes
summary.json       the result, written last and at once; its `state` is `finished` or one of FAILED, with a `reason`;
                   its errors are of the weights of `tested_step`; `best_step` and `best_val_...` are the step and the
                   metric of the best validation; `log_rows_lost` where rows were missing from metrics.jsonl when
                   training went on
predictions.npz    per test image: label and log-probabilities, by the weights of `tested_step`
predictions_val.npz  the same per validation image
checkpoints/       orbax
profile/           a trace of some steps, with `cnn-bench train --profile`
tensorboard/       event files, and
wandb/             files of Weights & Biases, where the recipe enables them
"""

CONFIG = 'config.json'
PROVENANCE = 'provenance.json'
PATCH = 'code.patch'
NETWORK = 'network.py'
METRICS = 'metrics.jsonl'
SUMMARY = 'summary.json'
PREDICTIONS = 'predictions.npz'
VALIDATION_PREDICTIONS = 'predictions_val.npz'
TRAIN, VALIDATION, TEST = 'train', 'val', 'test'  # kinds of rows in metrics.jsonl
CHECKPOINTS = 'checkpoints'
TENSORBOARD = 'tensorboard'
PROFILE = 'profile'

COMPUTING = ('jax', 'jaxlib', 'flax', 'optax', 'numpy')  # libraries whose version a table shows

FAILED = {  # states of a failed run; all but the first are written by its sweep
    'diverged': 'its loss or a parameter was not finite',
    'out_of_memory': 'it needed more memory than there was',
    'crashed': 'its process ended unexpectedly',
    'refused': 'its recipe could not be run',
}
