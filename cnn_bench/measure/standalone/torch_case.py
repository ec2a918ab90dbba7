"""A case of PyTorch, ready to be timed in this process; `torch_worker` says in what configuration."""

import contextlib
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import calls
import process_memory
import torch_models

LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 1e-3, 0.9, 1e-4  # as in ../training_step.py
PROGRAMS = 64  # compiled ones that a network may have: batches, number formats, modes


class PreparedCase:
    """A call of a network on a batch. `facts` is what the worker answers when it has prepared one.

    Making one builds the network, compiles it where `framework` is 'torch-compile', and runs the calls that do not
    count. `params`, if given, is how many parameters the network has to have. Raises torch_models.Unsupported for a
    network that PyTorch lacks, and what PyTorch raises.
    """

    def __init__(
        self,
        arch: str,
        framework: str,
        batch: int,
        dtype: str,
        mode: str,
        size: int,
        channels: int,
        num_classes: int,
        width: float = 1.0,
        seed: int = 0,
        params: int | None = None,
        **_: Any,
    ):
        torch = configured_torch()
        self._torch, self._cuda = torch, torch.cuda.is_available()
        self._device = torch.device('cuda' if self._cuda else 'cpu')
        if self._cuda:
            torch.cuda.reset_peak_memory_stats()
        torch.manual_seed(seed)
        model = torch_models.build(arch, num_classes, channels, width)
        self._train, self._half, folds = mode == 'training', dtype == 'bfloat16', mode == 'inference'
        model = torch_models.fused(model) if folds else model
        if self._half and not self._train:
            model = model.to(torch.bfloat16)
        model = model.to(self._device, memory_format=torch.channels_last).train(self._train)
        self.facts = counts(model, arch, params)
        # As images come from a loader: float32, channels last.
        images = torch.randn(batch, channels, size, size).contiguous(memory_format=torch.channels_last)
        self._host = images.pin_memory() if self._cuda else images
        self._images = images.to(self._device)
        self._labels = torch.randint(max(num_classes, 1), (batch,)).to(self._device)
        compiled = framework == 'torch-compile'
        self.model = model
        self._run = self._step(model, compiled) if self._train else self._inference(model, compiled)
        start = time.perf_counter()
        with self._frozen_weights() if compiled and folds else contextlib.nullcontext():
            self._call()
        first = time.perf_counter() - start
        self.facts |= {'compile_s': first if compiled else None, 'first_call_s': first}
        warmup, self._last_s = calls.warm_up(self._call)
        self.facts['warmup_calls'] = 2 + warmup  # with the first, and the one whose memory is measured
        self.facts |= self._memory()

    def time(self, seconds: float, copy: bool) -> dict[str, Any]:
        """The durations of a turn of calls (`calls.turn`); with `copy` each call brings its images along."""
        found = calls.turn(partial(self._call, copy), seconds, self._last_s)
        self._last_s = found['seconds'][-1]
        return found

    def _call(self, copy: bool = False) -> None:
        if copy:
            self._images.copy_(self._host)
        self._run()
        if self._cuda:
            self._torch.cuda.synchronize()

    def _inference(self, model: Any, compiled: bool) -> Callable[[], Any]:
        """A call of the network."""
        torch = self._torch

        def logits(images):
            return model(images.to(torch.bfloat16) if self._half else images)

        if compiled:
            logits = torch.compile(logits, dynamic=False, options=self._graphs())

        def call():
            with torch.inference_mode():
                return logits(self._images)

        return call

    def _step(self, model: Any, compiled: bool) -> Callable[[], Any]:
        """A step of training: forward, backward, SGD."""
        torch = self._torch
        rule = self.rule = torch.optim.SGD(
            model.parameters(), LEARNING_RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY, fused=True
        )

        def loss_of(images, labels):
            with torch.autocast(self._device.type, torch.bfloat16, enabled=self._half):
                return torch.nn.functional.cross_entropy(model(images), labels)

        if compiled:
            loss_of = torch.compile(loss_of, dynamic=False, options=self._graphs())

        def step():
            loss_of(self._images, self._labels).backward()
            rule.step()
            rule.zero_grad(set_to_none=True)

        return step

    def _frozen_weights(self) -> Any:
        """What is compiled inside takes the weights for constants. As an option of torch.compile it has no effect."""
        import torch._inductor.config as inductor

        return inductor.patch(freezing=True)

    def _graphs(self) -> dict[str, bool]:
        return {'triton.cudagraphs': True} if self._cuda else {}

    def _memory(self) -> dict[str, int | None]:
        """A call's memory: of a GPU PyTorch's peak; of a CPU parameters, batch and the process's growth in a call."""
        if self._cuda:
            return {'memory_allocator_peak_bytes': self._torch.cuda.max_memory_allocated()}
        counted = process_memory.forget_peak()
        before = process_memory.resident_bytes()
        self._call()
        peak = process_memory.peak_bytes()
        if not counted or before is None or peak is None:
            return {'memory_process_growth_bytes': None}
        held = self.facts['params_bytes'] + self._images.nbytes
        return {'memory_process_growth_bytes': max(peak - before, 0) + held}


def configured_torch() -> Any:
    """torch, with threads and precision set. Raises torch_models.Unsupported where this Python has none."""
    try:
        import torch
    except ImportError:
        raise torch_models.Unsupported(f'{sys.executable} has no torch') from None
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1)
    torch.set_float32_matmul_precision('high' if torch.cuda.is_available() else 'highest')
    torch.backends.cudnn.benchmark = True
    torch._dynamo.config.recompile_limit = PROGRAMS
    torch._dynamo.config.fail_on_recompile_limit_hit = True  # otherwise it would run uncompiled without a word
    return torch


def counts(model: Any, arch: str, params: int | None) -> dict[str, int]:
    """{'params', 'params_bytes'} of a network. Raises ValueError if it has not as many as it should have."""
    found = sum(p.numel() for p in model.parameters())
    if params is not None and params != found:
        raise ValueError(f'{arch} has {found:,} parameters in PyTorch, {params:,} here: not the same network')
    return {'params': found, 'params_bytes': sum(p.nbytes for p in model.parameters())}
