"""What a run directory holds and what the one tidy table holds.

A run directory:

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

COLUMNS = {
    'arch': 'name in the registry',
    'label': 'how charts and tables call it: the arch, and what sets the run apart from the plain network',
    'family': 'the family the architecture belongs to',
    'year': 'of publication',
    'params': 'trainable parameters',
    'macs': 'multiply-adds of convolutions and dense layers, one image forward',
    'flops': '2 x macs',
    'train_macs': 'multiply-adds of a training step, one image forward and backward; mean over the steps',
    'activation_bytes': 'outputs of convolutions, dense and pooling layers, one image forward',
    'top1_err_pct': 'per cent of test images whose label is not the first prediction',
    'top5_err_pct': 'per cent of test images whose label is not among the first five predictions',
    'test_loss': 'mean cross-entropy on the test set, nats',
    'train_err_pct': 'top1_err_pct on the training images, mean over the last epoch logged, each window by its steps; '
    'as trained: augmented, with dropout, by weights that change meanwhile',
    'ema_top1_err_pct': 'top1_err_pct of the average of the weights, where the recipe keeps one',
    'ema_top5_err_pct': 'top5_err_pct of the average of the weights',
    'ema_test_loss': 'test_loss of the average of the weights',
    'images_per_s': 'training images per second on this device, compilation left out',
    'train_s': 'seconds spent in training steps, compilation left out',
    'epochs': 'passes over the training set; of a run that has not finished, those that it is to make',
    'seed': 'the seed of initialisation, order, augmentation and dropout',
    'dataset': 'name of the data set',
    'data_fingerprint': 'sha256 over the images and labels of the data set',
    'input_shape': 'height x width x channels',
    'width': 'channel multiplier',
    'stem': 'which form of the first layers',
    'batch_size': 'images per step over all devices',
    'dtype': 'compute dtype',
    'device': 'kind and number of devices',
    'recipe': 'first digits of the hash of the config without its seed: equal for runs that are repeats of each other',
    'versions': 'of the libraries that compute',
    'commit': 'of the code, with + where there were uncommitted changes',
    'state': 'finished, diverged, out_of_memory, crashed, refused, unfinished or damaged: a file of it cannot be read',
    'reason': 'why it failed, in a sentence; empty for others',
    'source': '`measured` for a run of ours, otherwise where the figure was published',
    'run': 'the run directory, relative to the directory that was loaded; empty for published rows',
}

INTEGERS = (  # columns that hold counts
    *('year', 'params', 'macs', 'flops', 'train_macs', 'activation_bytes', 'seed', 'batch_size'),
)
