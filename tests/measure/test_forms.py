"""What each mode runs of a network of branches, and the counts of its rows."""

import jax
import numpy as np
import pytest

from cnn_bench.measure import prepared_case
from cnn_bench.measure.cases import MODES, build, counted, of_networks
from cnn_bench.models import registry
from cnn_bench.models.variables import variable_shapes


def test_every_mode_has_the_counts_of_the_form_that_it_runs():
    found = {
        (case.arch, case.mode): (case.params, case.macs) for case in of_networks(['repvgg_a0', 'vgg16'], modes=MODES)
    }
    branches, fused, vgg16 = (9_108_968, 1_512_581_120), (8_309_384, 1_361_451_008), (138_357_544, 15_470_264_320)
    assert found == {
        ('repvgg_a0', 'inference'): fused,
        ('repvgg_a0', 'unfolded'): branches,
        ('repvgg_a0', 'training'): branches,
        **{('vgg16', mode): vgg16 for mode in MODES},
    }


@pytest.mark.parametrize(('mode', 'fused'), [('inference', True), ('unfolded', False), ('training', False)])
def test_what_a_mode_runs(mode, fused, monkeypatch):
    def ones(module, shape, seed):
        return jax.tree.map(lambda leaf: np.ones(leaf.shape, leaf.dtype), variable_shapes(module, shape))

    monkeypatch.setattr(prepared_case, 'init_variables', ones)
    (case,) = of_networks(['repvgg_a0'], modes=[mode], size=32, width=0.1)
    case = counted(case)
    _, state, counts = prepared_case.SharedState().of(case, build(case))
    params = state[0] if mode == 'training' else state['params']
    expected = variable_shapes(registry.build('repvgg_a0', width=0.1, fused=fused), (32, 32, 3))['params']
    assert jax.tree.map(np.shape, params) == jax.tree.map(np.shape, expected)
    size = sum(leaf.size for leaf in jax.tree.leaves(expected))
    assert (case.params, counts) == (size, {'params': size, 'params_bytes': 4 * size})
