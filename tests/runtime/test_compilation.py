"""What XLA is told before it starts."""

import os

import pytest

from cnn_bench.runtime import compilation

FLAG = '--xla_cpu_experimental_ynn_fusion_type='


@pytest.mark.parametrize(
    ('jaxlib', 'before', 'after'),
    [
        ('0.10.2', None, FLAG),
        ('0.10.0', '--xla_a=1 --xla_b', f'--xla_a=1 --xla_b {FLAG}'),
        ('0.10.2', f'{FLAG}dot --xla_a=1', f'{FLAG}dot --xla_a=1'),  # what the user sets stays
        ('0.11.0', '--xla_a=1', '--xla_a=1'),  # others may not know the flag, and would not start
        ('0.9.1', None, None),
        ('', None, None),
    ],
)
def test_kernels_of_a_version_of_xla(monkeypatch, jaxlib, before, after):
    monkeypatch.setattr(compilation, '_jaxlib', lambda: jaxlib)
    monkeypatch.setenv('XLA_FLAGS', before or '')
    if before is None:
        monkeypatch.delenv('XLA_FLAGS')
    for _ in range(2):  # once more changes nothing
        compilation.choose_cpu_kernels()
        assert os.environ.get('XLA_FLAGS') == after
