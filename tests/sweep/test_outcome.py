"""How a trial ended, told from exit status and log."""

import pytest

from cnn_bench.sweep.outcome import judge

TRACEBACK = """Traceback (most recent call last):
  File "x.py", line 3, in f
jax.errors.JaxRuntimeError: RESOURCE_EXHAUSTED: Out of memory allocating 12 bytes.
--------------------
For simplicity, JAX has removed its internal frames from the traceback of the following exception.
"""
CRASH = 'epoch 1\nTraceback (most recent call last):\n  File "x.py", line 3\nKeyError: 7\n--------\nNote\n--------\n'


@pytest.mark.parametrize(
    ('status', 'log', 'state', 'said'),
    [
        (75, 'stopped at step 3', 'stopped', ''),
        (-15, '', 'stopped', ''),
        (1, TRACEBACK, 'out_of_memory', 'Out of memory allocating 12 bytes'),
        (-6, "terminate called after throwing an instance of 'std::bad_alloc'\n", 'out_of_memory', 'bad_alloc'),
        (1, 'MemoryError\n', 'out_of_memory', 'MemoryError'),
        (-9, 'epoch 1', 'out_of_memory', 'SIGKILL'),
        (2, 'warning\ncnn-bench: error: config.batch_size is 7\n', 'refused', 'config.batch_size is 7'),
        (1, CRASH, 'crashed', 'KeyError: 7'),
        (-11, 'epoch 1\n', 'crashed', 'killed by SIGSEGV: epoch 1'),
        (0, '', 'crashed', 'it printed nothing'),
        (1, 'something odd\n\n', 'crashed', 'something odd'),
    ],
)
def test_states_and_reasons(status, log, state, said):
    outcome = judge(status, log)
    assert outcome.state == state
    assert said in outcome.reason


def test_a_process_that_nobody_saw_end():
    assert judge(None, 'epoch 1', 'its node died').reason == 'its node died; epoch 1'
