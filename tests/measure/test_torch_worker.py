"""The worker that times PyTorch: its protocol, and where torch is installed that it runs the same networks."""

import importlib
import importlib.util
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch_networks as recorded

import cnn_bench.measure
from cnn_bench.models import registry

FOLDER = Path(cnn_bench.measure.__file__).parent / 'standalone'
CASE = {'arch': 'resnet20', 'framework': 'torch', 'batch': 2, 'dtype': 'float32', 'mode': 'inference', 'size': 32}
CASE |= {'width': 1.0, 'channels': 3, 'num_classes': 10, 'seed': 0, 'macs': 1}
needs_torch = pytest.mark.skipif(not importlib.util.find_spec('torch'), reason='torch is not installed')
needs_torchvision = pytest.mark.skipif(not importlib.util.find_spec('torchvision'), reason='needs torchvision')


@pytest.fixture
def networks():
    return _module('torch_models')


@pytest.fixture
def worker(monkeypatch):
    monkeypatch.setenv('TORCHINDUCTOR_FORCE_DISABLE_CACHES', '1')
    return _module('torch_worker')


def _module(name):
    """A stand-alone file of the package, imported as where the worker runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        return importlib.import_module(name)


def _answers(worker, handle, *requests):
    written = io.StringIO()
    lines = io.StringIO(''.join(json.dumps(request) + '\n' for request in requests))
    worker.serving.serve(handle, worker.failure, lines, written)
    return [json.loads(line) for line in written.getvalue().splitlines()]


class FakeCase:
    """A case that is timed without PyTorch."""

    def __init__(self, arch, **_):
        if arch == 'broken':
            raise RuntimeError('it broke\nat length')
        self.facts = {'params': len(arch)}

    def time(self, seconds, copy):
        return {'seconds': [seconds, 2 * seconds], 'copy': copy}


def test_every_request_has_one_answer_and_a_failure_does_not_end_it(worker, monkeypatch):
    monkeypatch.setattr(worker.torch_case, 'PreparedCase', FakeCase)
    monkeypatch.setattr(worker.Worker, 'machine', lambda _: {'platform': 'cpu'})
    found = _answers(
        worker,
        worker.Worker().handle,
        {'do': 'prepare', 'case': {'arch': 'broken'}},
        {'do': 'prepare', 'case': {'arch': 'four'}},
        {'do': 'time', 'case': 1, 'seconds': 3.0, 'copy': True},
        {'do': 'drop', 'case': 1},
        {'do': 'time', 'case': 1, 'seconds': 3.0},
    )
    assert found[0] == {'error': {'status': 'failed', 'reason': 'it broke'}}
    assert found[1] == {'ok': {'params': 4, 'platform': 'cpu'}}
    assert found[2] == {'ok': {'seconds': [3.0, 6.0], 'copy': True}}
    assert found[3] == {'ok': {}}
    assert found[4]['error']['status'] == 'failed'


@pytest.mark.parametrize(
    ('error', 'status'),
    [
        (MemoryError(), 'out_of_memory'),
        (RuntimeError('CUDA out of memory. Tried to allocate 20.00 GiB.'), 'out_of_memory'),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), 'out_of_memory'),
        (RuntimeError('shapes cannot be multiplied'), 'failed'),
    ],
)
def test_the_status_of_an_error(worker, error, status):
    found = worker.failure(error)
    assert found['status'] == status
    assert found['reason']


def test_an_interpreter_without_torch_says_so_in_a_line():
    ran = subprocess.run(  # -S leaves out installed packages; this is the only test of the file run as a program
        [sys.executable, '-S', '-E', str(FOLDER / 'torch_worker.py')],
        input=json.dumps({'do': 'prepare', 'case': CASE}) + '\n',
        capture_output=True,
        text=True,
        check=True,
    )
    reason = f'{sys.executable} has no torch'
    assert [json.loads(line) for line in ran.stdout.splitlines()] == [
        {'error': {'status': 'unsupported', 'reason': reason}}
    ]


def test_networks_are_those_that_the_importer_is_tested_on(networks):
    tested = {(theirs, ours) for theirs, (ours, _) in recorded.NETWORKS.items()}
    same = {(theirs, ours) for ours, theirs in networks.NAMES.items()}
    assert same - tested == set()
    assert len(same) > 40
    assert set(networks.OWN) <= set(registry.ARCHS)


@pytest.mark.parametrize(
    ('arch', 'channels', 'width', 'reason'),
    [
        ('googlenet', 3, 1.0, 'neither torchvision nor timm has googlenet'),
        ('resnet18', 3, 0.5, 'no factor of its width'),
        ('resnet18', 1, 1.0, 'three channels'),
    ],
)
def test_what_pytorch_lacks_is_unsupported(networks, arch, channels, width, reason):
    with pytest.raises(networks.Unsupported, match=reason):
        networks.build(arch, 10, channels, width)


@needs_torchvision
@pytest.mark.parametrize(
    'arch', ['resnet20', 'fashion_cnn', 'googlenet_bn', 'inception_v3', 'squeezenet1_1', 'resnet18']
)
def test_networks_have_as_many_parameters_as_ours(networks, arch):
    facts = registry.get(arch)
    model = networks.build(arch, facts.num_classes, facts.channels)
    assert sum(p.numel() for p in model.parameters()) == facts.params


@needs_torch
def test_a_case_is_timed(worker):
    facts = registry.get('resnet20')
    wrong = CASE | {'params': 1}
    prepared, other, timed, copied = _answers(
        worker,
        worker.Worker().handle,
        {'do': 'prepare', 'case': CASE | {'params': facts.params}},
        {'do': 'prepare', 'case': wrong},
        {'do': 'time', 'case': 0, 'seconds': 0.01},
        {'do': 'time', 'case': 0, 'seconds': 0.01, 'copy': True},
    )
    assert prepared['ok']['params'] == facts.params
    assert prepared['ok']['params_bytes'] == 4 * facts.params
    assert prepared['ok']['compile_s'] is None
    assert other == {
        'error': {
            'status': 'failed',
            'reason': f'resnet20 has {facts.params:,} parameters in PyTorch, 1 here: not the same network',
        }
    }
    for answer in (timed, copied):
        assert len(answer['ok']['seconds']) >= 2
        assert min(answer['ok']['seconds']) > 0


@needs_torch
@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
def test_a_training_step_is_that_of_sgd_with_momentum_and_weight_decay(worker, dtype):
    """One step, beside the rule of SGD written out and gradients by a backward pass of the test's own."""
    import torch

    case = worker.torch_case.PreparedCase(**CASE | {'mode': 'training', 'dtype': dtype})
    model, images, labels = case.model, case._images, case._labels
    params = list(model.parameters())
    assert {p.dtype for p in params} == {torch.float32}
    rule = case.rule
    velocity = [rule.state[p]['momentum_buffer'].clone() for p in params]
    before = [p.detach().clone() for p in params]
    with torch.autocast('cpu', torch.bfloat16, enabled=dtype == 'bfloat16'):
        loss = torch.nn.functional.cross_entropy(model(images), labels)
    grads = torch.autograd.grad(loss, params)
    case._call()
    for p, old, speed, grad in zip(params, before, velocity, grads, strict=True):
        wanted = old - 1e-3 * (0.9 * speed + grad + 1e-4 * old)
        np.testing.assert_allclose(p.detach().numpy(), wanted.numpy(), rtol=1e-5, atol=1e-6)


@needs_torch
@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
def test_inference_is_in_evaluation_mode_and_in_the_format_asked_for(worker, dtype):
    import torch

    case = worker.torch_case.PreparedCase(**CASE | {'dtype': dtype})
    logits, again = case._run(), case._run()
    assert logits.dtype == getattr(torch, dtype)
    assert logits.shape == (2, 10)
    assert not logits.requires_grad
    assert torch.equal(logits, again)
    assert not case.model.training


@needs_torch
@pytest.mark.parametrize('mode', ['inference', 'training'])
def test_weights_are_frozen_while_inference_is_compiled(worker, monkeypatch, mode):
    import torch
    import torch._inductor.config as inductor

    frozen = []

    def compile_later(function, **_):
        def run(*args):
            frozen.append(inductor.freezing)
            return function(*args)

        return run

    monkeypatch.setattr(torch, 'compile', compile_later)
    case = worker.torch_case.PreparedCase(**CASE | {'framework': 'torch-compile', 'mode': mode})
    assert frozen[0] is (mode == 'inference')
    assert inductor.freezing is False
    assert case.facts['compile_s'] > 0
