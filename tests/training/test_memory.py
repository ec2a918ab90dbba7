"""A run that cannot fit is refused before anything starts; what it needs is bounded from below."""

import jax
import pytest

from cnn_bench.cli import main
from cnn_bench.errors import RunFailed
from cnn_bench.training import memory
from cnn_bench.training.session import train
from cnn_bench.training.setup import TrainingSetup


def test_the_bound_is_below_what_the_compiler_reserves(tiny_recipe, tiny_data):
    setup = TrainingSetup(tiny_recipe(total_epochs=1), tiny_data)
    needed = memory.needed_bytes(setup)
    batches = setup.train_data.train_batches(0, 24, 0, 1)
    compiled = setup.compiled_train_steps().lower(setup.state_like(0), setup.shared(), batches).compile()
    reserved = compiled.memory_analysis()
    assert 0.3 * reserved.temp_size_in_bytes < needed['activations'] < reserved.temp_size_in_bytes
    held = sum(leaf.nbytes for leaf in jax.tree.leaves((setup.first_state(), setup.train_data.dataset)))
    assert 0 <= held - needed['parameters and optimizer'] - needed['images'] < 1000  # labels and keys


def test_a_run_that_cannot_fit_is_refused_before_anything_starts(tiny_recipe, tiny_data, tmp_path):
    said = r'training lenet5 takes at least .*parameters and optimizer [34]\d\.\d\d GiB'
    with pytest.raises(RunFailed, match=said) as refused:
        train(tiny_recipe(model__width=300.0), tmp_path / 'run', tiny_data)
    assert isinstance(refused.value, MemoryError)  # a sweep records it as out_of_memory
    assert not (tmp_path / 'run').exists()


def test_an_evaluation_takes_no_more_than_a_batch_of_all_images(tiny_recipe, tiny_data):
    """40 images of 28x28, whose largest layer has six channels of float32."""
    for size in (40, 10**8):
        needed = memory.needed_bytes(TrainingSetup(tiny_recipe(eval_batch_size=size, batch_size=1), tiny_data))
        assert needed['activations'] == 40 * 28 * 28 * 6 * 4
        assert needed['images'] == 96 * 28 * 28


def test_memory_that_runs_out_is_an_error_of_one_line(tiny_data, tmp_path, monkeypatch, capsys):
    def fails(*arguments):
        raise RuntimeError('RESOURCE_EXHAUSTED: Out of memory allocating 12 bytes.\nmany more lines')

    monkeypatch.setattr('cnn_bench.training.session.train', fails)
    assert main(['train', '--config', 'configs/lenet5.py', '--workdir', str(tmp_path), '--data-dir', tiny_data]) == 1
    said = 'cnn-bench: error: out of memory: RESOURCE_EXHAUSTED: Out of memory allocating 12 bytes.\n'
    assert capsys.readouterr().err == said
