"""`PYTHON torch_worker.py`: the process that holds one network of PyTorch and times it when asked.

Requests and answers are those of `worker.py`. It stands alone: PYTHON is one that has torch, and need not have
cnn_bench. The configuration is the fastest of those that a careful user takes without leaving float32 or bfloat16:

- channels last, the faster layout for nearly all networks that were tried at inference on a CPU;
- as many threads as cores; on a GPU cuDNN's search for the fastest algorithm, and TF32 as XLA uses it;
- inference: `eval()`, `inference_mode()`; in bfloat16 all parameters are;
- training: `train()`, cross-entropy, fused SGD; in bfloat16 by autocast, with float32 parameters;
- compiled: static shapes, at inference with frozen weights (batch norm is folded), on a GPU with CUDA graphs.

Inductor's cache is off, so that `compile_s` is that of compiling; TORCHINDUCTOR_FORCE_DISABLE_CACHES=0 turns it on.
"""

import contextlib
import ctypes
import gc
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import torch_networks

sys.path[:] = [place for place in sys.path if place != str(Path(__file__).parent)]  # its other files are not for torch
os.environ.setdefault('TORCHINDUCTOR_FORCE_DISABLE_CACHES', '1')

LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 1e-3, 0.9, 1e-4
WARMUP_S, WARMUP_CALLS = 0.3, 10  # calls before the first timed one: until either is reached, at least one
FEWEST, MOST = 2, 5000  # timed calls of a turn
REPEATED_WARMUP_S = 0.5  # a turn begins with a call that does not count, if a call is shorter than this
PROGRAMS = 64  # compiled ones that a network may have: batches, number formats, modes
OUT_OF_MEMORY = ('out of memory', "can't allocate memory", 'not enough memory', 'bad_alloc', 'cannot allocate memory')


def main() -> None:
    """Answer requests until stdin ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), 'w', encoding='utf-8')
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(Worker().handle, sys.stdin, answers)


def serve(handle: Callable[[dict], dict], requests: TextIO, answers: TextIO) -> None:
    """Answer each line of `requests` with what `handle` returns, or with the error that it raises."""
    for line in requests:
        try:
            answer = {'ok': handle(json.loads(line))}
        except Exception as error:  # whatever a network or PyTorch raises: the next case may still run
            answer = {'error': failure(error)}
        answers.write(json.dumps(answer) + '\n')
        answers.flush()


def failure(error: Exception) -> dict[str, str]:
    """{'status', 'reason'} of an error: what it is, and its first line."""
    text = str(error)
    reason = next((line.strip() for line in text.splitlines() if line.strip()), '') or type(error).__name__
    if isinstance(error, torch_networks.Unsupported):
        status = 'unsupported'
    elif isinstance(error, MemoryError) or any(words in text.lower() for words in OUT_OF_MEMORY):
        status = 'out_of_memory'
    else:
        status = 'failed'
    return {'status': status, 'reason': ''.join(c if c.isprintable() else ' ' for c in reason[:300])}


class Worker:
    """The requests, each a method of its name."""

    def __init__(self):
        self._cases: list[Any] = []

    def handle(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request."""
        requests = {'machine': self.machine, 'prepare': self.prepare, 'time': self.time}
        requests |= {'peak': self.peak, 'drop': self.drop}
        return requests[request.pop('do')](**request)

    def machine(self) -> dict[str, Any]:
        """The device, the threads and the versions."""
        torch = configured_torch()
        cuda = torch.cuda.is_available()
        return {
            'platform': 'gpu' if cuda else 'cpu',
            'device': torch.cuda.get_device_name() if cuda else cpu_name(),
            'threads': torch.get_num_threads(),
            'versions': versions(),
        }

    def prepare(self, case: dict[str, Any]) -> dict[str, Any]:
        """Build and compile a case, which gets the next number, also where it fails."""
        self._cases.append(None)
        machine = self.machine()
        self._cases[-1] = PreparedCase(**case)
        return {**self._cases[-1].facts, **machine}

    def time(self, case: int, seconds: float, copy: bool = False) -> dict[str, Any]:
        """Durations of the calls of a turn, in seconds."""
        return self._cases[case].time(seconds, copy)

    def peak(self, dtype: str = 'float32') -> dict[str, Any]:
        """{'matrix_flop_per_s', 'copy_bytes_per_s'} of the device, measured now."""
        torch = configured_torch()
        cuda = torch.cuda.is_available()
        size, repeats, numbers = (8192, 20, 2**28) if cuda else (2048, 2, 2**26)
        a = torch.randn(2, size, size, dtype=getattr(torch, dtype), device='cuda' if cuda else 'cpu')
        x = torch.zeros(numbers, device=a.device)
        y = torch.empty_like(x)
        return {
            'matrix_flop_per_s': 2 * size**3 * repeats / _seconds(lambda: torch.mm(a[0], a[1]), repeats),
            'copy_bytes_per_s': 2 * 4 * numbers * repeats / _seconds(lambda: y.copy_(x), repeats),
        }

    def drop(self, case: int) -> dict[str, Any]:
        """Forget a case; the others keep their numbers."""
        self._cases[case] = None
        gc.collect()
        return {}


class PreparedCase:
    """A call of a network on a batch. `facts` is what the worker answers when it has prepared one.

    Making one builds the network, compiles it where `framework` is 'torch-compile', and runs the calls that do not
    count. `params`, if given, is how many parameters the network has to have. Raises torch_networks.Unsupported for a
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
        model = torch_networks.build(arch, num_classes, channels, width)
        self._train, self._half = mode == 'training', dtype == 'bfloat16'
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
        with self._frozen_weights() if compiled and not self._train else contextlib.nullcontext():
            self._call()
        first = time.perf_counter() - start
        self.facts |= {'compile_s': first if compiled else None, 'first_call_s': first}
        self.facts['warmup_calls'] = 2 + self._warm_up()
        self.facts |= self._memory()

    def time(self, seconds: float, copy: bool) -> dict[str, Any]:
        """{'seconds': duration of each call, 'warmup_calls': ...}; with `copy` each call brings its images along.

        Calls follow each other until `seconds` have passed, at least FEWEST and at most MOST of them. Each is waited
        for. Python's garbage collector is off.
        """
        durations, warmup = [], 0
        gc.collect()
        gc.disable()
        try:
            if self._last_s < REPEATED_WARMUP_S:
                self._call()
                warmup = 1
            began = time.perf_counter()
            while len(durations) < FEWEST or (len(durations) < MOST and time.perf_counter() - began < seconds):
                start = time.perf_counter()
                self._call(copy)
                durations.append(round(time.perf_counter() - start, 9))
        finally:
            gc.enable()
        self._last_s = durations[-1]
        return {'seconds': durations, 'warmup_calls': warmup}

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

    def _warm_up(self) -> int:
        """Calls that do not count; how many they were."""
        calls, began = 0, time.perf_counter()
        while not calls or (calls < WARMUP_CALLS and time.perf_counter() - began < WARMUP_S):
            start = time.perf_counter()
            self._call()
            self._last_s = time.perf_counter() - start
            calls += 1
        return calls

    def _memory(self) -> dict[str, int | None]:
        """A call's memory: of a GPU PyTorch's peak; of a CPU parameters, batch and the process's growth in a call."""
        if self._cuda:
            return {'memory_allocator_peak_bytes': self._torch.cuda.max_memory_allocated()}
        counted = forget_peak()
        before = resident_bytes('VmRSS:')
        self._call()
        peak = resident_bytes('VmHWM:')
        if not counted or before is None or peak is None:
            return {'memory_process_growth_bytes': None}
        held = self.facts['params_bytes'] + self._images.nbytes
        return {'memory_process_growth_bytes': max(peak - before, 0) + held}


def configured_torch() -> Any:
    """torch, with threads and precision set. Raises torch_networks.Unsupported where this Python has none."""
    try:
        import torch
    except ImportError:
        raise torch_networks.Unsupported(f'{sys.executable} has no torch') from None
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


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that are installed."""
    from importlib.metadata import PackageNotFoundError, version

    found = {'python': platform.python_version()}
    for name in ('torch', 'torchvision', 'timm'):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def cpu_name() -> str:
    """The processor's name as Linux has it; elsewhere its architecture."""
    try:
        with open('/proc/cpuinfo') as file:
            named = (line.partition(':')[2].strip() for line in file if line.startswith('model name'))
            return next(named, '') or platform.machine()
    except OSError:
        return platform.processor() or platform.machine()


def forget_peak() -> bool:
    """Let the peak of this process's memory start from now; False where the system does not allow it."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)  # of glibc: freed memory would be used again unseen
    if trim is not None:
        trim(0)
    try:
        Path('/proc/self/clear_refs').write_text('5')
    except OSError:
        return False
    return True


def resident_bytes(field: str) -> int | None:
    """Bytes of this process in RAM: 'VmRSS:' now, 'VmHWM:' at the most since `forget_peak`."""
    try:
        lines = Path('/proc/self/status').read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(field)), None)


def _seconds(call: Callable[[], Any], repeats: int) -> float:
    """Seconds of so many calls, after one that does not count."""
    import torch

    call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == '__main__':
    main()
