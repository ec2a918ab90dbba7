"""`cnn-bench train` at a terminal, from its first word to its last, and stopped by Ctrl-C."""

import pytest
from kill_harness import assert_same_run
from terminal import CTRL_C, Terminal

from cnn_bench import recipe
from cnn_bench.cli import main
from cnn_bench.runs import RunDirectory
from cnn_bench.training import session

TRAIN = 'import sys\nfrom cnn_bench.cli import main\nsys.exit(main())\n'
# After step 5 of 8 either that step, in a library, or the saving that Ctrl-C asks for takes for ever.
HANGS = """
import hashlib, sys, time
from cnn_bench.cli import main
from cnn_bench.training import session

class Hangs(session.Trainer):
    def _train(self, *args):
        super()._train(*args)
        if self.step == 5:
            self.progress.say('after step 5')
            while '{where}' == 'step' or not self.signals.received:
                hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9 if '{where}' == 'step' else 1)

    def _keep_state(self):
        self._fetch()
        self._save()
        hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)

session.Trainer = Hangs
sys.exit(main())
"""
FIELDS = {
    'dataset.name': 'tiny',
    'dataset.validation_images': 24,
    'batch_size': 18,  # four steps an epoch
    'eval_batch_size': 20,
    'total_epochs': 2,
    'log_every_steps': 3,
    'devices': 1,
    'schedule.warmup_epochs': 0.0,
}


def _arguments(workdir, data_dir, fields):
    changes = [f'--config.{name}={value}' for name, value in fields.items()]
    return ['train', '--config', 'configs/lenet5.py', '--workdir', str(workdir), '--data-dir', data_dir, *changes]


def _in_order(text, words):
    place = 0
    for word in words:
        assert word in text[place:], f'{word!r} is not shown after {text[:place][-200:]!r}'
        place = text.index(word, place)


def test_a_run_from_its_first_word_to_its_last(tiny_data, tmp_path, capfd):
    """The lines at a terminal, and the same run where nobody watches: not a bit of its log is another."""
    fields = FIELDS | {'optimizer.name': 'adam', 'schedule.warmup_epochs': 3.0}  # neither fits the recipe
    with Terminal(TRAIN, *_arguments(tmp_path / 'seen', tiny_data, fields)) as terminal:
        assert terminal.status() == 0
    left_out = 'adam in place of sgd does not take optimizer.momentum=0.9: left out'
    shorter = 'a warm-up of 3 epochs would take all of this run of 2; made shorter:'
    _in_order(
        terminal.shown,
        [
            'starting',
            'loading JAX',
            left_out,
            shorter,
            'reading tiny',
            'compiling',
            'step 1 of 8',
            'loss ',
            'validating',
            'epoch 1: validation top-1 error',
            'epoch 2: validation top-1 error',
            'epoch 2: test top-1 error',
            'lenet5: top-1 error',
        ],
    )
    assert max(len(line) for line in terminal.shown.replace('\r', '\n').splitlines() if '━' in line) <= 80
    assert main(_arguments(tmp_path / 'unseen', tiny_data, fields)) == 0
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == left_out
    assert lines[1].startswith(shorter)
    assert [line.partition(',')[0].partition(':')[0] for line in lines[2:]] == [
        *('step 3 of 8', 'step 4 of 8', 'epoch 1', 'step 6 of 8', 'step 8 of 8', 'epoch 2', 'epoch 2')
    ]
    seen, unseen = RunDirectory(tmp_path / 'seen'), RunDirectory(tmp_path / 'unseen')
    assert seen.metrics() == unseen.metrics()
    config = seen.config()
    assert config == unseen.config()
    assert 'momentum' not in config['optimizer']
    assert config['schedule']['warmup_epochs'] == 0.2
    assert main(_arguments(tmp_path / 'seen', tiny_data, fields)) == 0  # the same command: the same recipe
    session.train(recipe.from_dict(config), tmp_path / 'again', tiny_data)  # that which is recorded
    assert RunDirectory(tmp_path / 'again').metrics() == seen.metrics()


@pytest.mark.parametrize(('where', 'saved'), [('step', ([4],)), ('saving', ([4], [4, 5]))])  # it may be through
def test_ctrl_c_is_answered_and_a_second_keeps_the_checkpoint(tiny_data, tmp_path, where, saved):
    with Terminal(HANGS.format(where=where), *_arguments(tmp_path / 'run', tiny_data, FIELDS)) as terminal:
        terminal.until('after step 5')
        terminal.press(CTRL_C)
        terminal.until('saving, one moment; again to abort')
        terminal.press(CTRL_C)
        assert terminal.status() == 130
    assert terminal.shown.splitlines()[-1] == 'cnn-bench: aborted; what was saved before is kept'
    assert RunDirectory(tmp_path / 'run').saved_steps() in saved
    config = recipe.load('configs/lenet5.py', FIELDS)
    session.train(config, tmp_path / 'undisturbed', tiny_data)
    session.train(config, tmp_path / 'run', tiny_data)
    assert_same_run(config, tmp_path / 'run', tmp_path / 'undisturbed', tiny_data)
