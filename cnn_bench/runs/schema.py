"""The files of a run directory; `columns` has the columns of the tidy table.

config.json        the whole recipe as it was run
provenance.json    git commit, versions, device, dtype, precision, seed, data fingerprint, cost of the network
metrics.jsonl      a row per logging window and per evaluation; nothing in it depends on the clock, so two runs
                   of one config on one machine write the same bytes
summary.json       the result, written last and at once; its `state` is `finished` or one of FAILED, with a `reason`
predictions.npz    per test image: label and log-probabilities
checkpoints/       orbax
profile/           a trace of some steps, where `cnn-bench train --profile` was asked for it
tensorboard/       event files, and
wandb/             what Weights & Biases keeps, where the recipe asks for them
"""

CONFIG = 'config.json'
PROVENANCE = 'provenance.json'
METRICS = 'metrics.jsonl'
SUMMARY = 'summary.json'
PREDICTIONS = 'predictions.npz'
CHECKPOINTS = 'checkpoints'
TENSORBOARD = 'tensorboard'
PROFILE = 'profile'

FAILED = {  # states of a run that ended badly; all but the first are written by the sweep that it was a trial of
    'diverged': 'its loss or a parameter was not finite',
    'out_of_memory': 'there was not the memory that it needs',
    'crashed': 'its process ended in some other way than it should',
    'refused': 'it could not be run as it was asked for',
}
