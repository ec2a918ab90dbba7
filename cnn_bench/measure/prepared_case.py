"""A case, compiled and ready to be timed in this process."""

import time
from functools import partial
from typing import Any

import jax
import numpy as np

from cnn_bench.measure import training_step
from cnn_bench.measure.cases import Case, build, form_of
from cnn_bench.measure.standalone import calls, process_memory
from cnn_bench.models.variables import init_variables, variable_shapes
from cnn_bench.runtime import cpu
from cnn_bench.runtime.memory import OutOfMemory, free_bytes, gib
from cnn_bench.trained.folding import fold


class SharedState:
    """What the cases of one process share, so that it is in memory once: variables to call, state to train."""

    def __init__(self):
        self._kept: dict[tuple, Any] = {}

    def of(self, case: Case, module: Any) -> tuple[Any, Any, dict[str, int]]:
        """(module to run, state that it runs on, counts of the network) for a case."""
        name = (case.arch, case.dtype, case.mode, case.size, case.width)
        if name not in self._kept:
            variables = init_variables(module, case.input_shape, case.seed)
            leaves = jax.tree.leaves(variable_shapes(form_of(case, module), case.input_shape)['params'])
            counts = {'params': sum(x.size for x in leaves)}
            counts['params_bytes'] = sum(x.size * x.dtype.itemsize for x in leaves)
            if case.mode == 'training':
                self._kept[name] = [module, training_step.initial_state(variables), counts]
            elif case.mode == 'unfolded':
                self._kept[name] = [module, variables, counts]
            else:
                self._kept[name] = [*fold(module, variables, case.input_shape), counts]
        return tuple(self._kept[name])

    def put(self, case: Case, state: Any) -> None:
        """The state after a call that used up the one before."""
        self._kept[case.arch, case.dtype, case.mode, case.size, case.width][1] = state


class PreparedCase:
    """A compiled call of a network on a batch. `facts` is what a worker answers when it has prepared one.

    Making one compiles, allocates, and runs the calls that do not count. Raises UserError for what the network does not
    take, OutOfMemory where the program would not fit, and what XLA raises.
    """

    def __init__(self, case: Case, shared: SharedState):
        self.case, self._shared = case, shared
        module, state, self.facts = shared.of(case, build(case))
        self._train = case.mode == 'training'
        rest = self._batch()
        function = self._function(module)
        options = cpu.training_options() if self._train and jax.default_backend() == 'cpu' else None
        jitted = jax.jit(function, donate_argnums=(0,) if self._train else (), compiler_options=options)
        like = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), (state, *rest))
        lowering = time.perf_counter()
        lowered = jitted.lower(*like)
        self._compiled = lowered.compile()
        self.facts = self.facts | {'compile_s': time.perf_counter() - lowering, **memory_of(self._compiled)}
        self._require_room()
        self.facts |= self._first_call(state, rest)
        self._rest = jax.device_put(rest)
        warmup, self._last_s = calls.warm_up(partial(self._call, self._rest))
        self.facts['warmup_calls'] = 1 + warmup
        stats = jax.devices()[0].memory_stats() or {}
        self.facts['memory_allocator_peak_bytes'] = stats.get('peak_bytes_in_use')

    def time(self, seconds: float, copy: bool) -> dict[str, Any]:
        """The durations of a turn of calls (`calls.turn`); with `copy` each call brings its images along."""
        host = np.asarray(self._rest[0]) if copy else None

        def call():
            self._call((jax.device_put(host), *self._rest[1:]) if copy else self._rest)

        found = calls.turn(call, seconds, self._last_s)
        self._last_s = found['seconds'][-1]
        return found

    def _batch(self) -> tuple[np.ndarray, ...]:
        """Images (n, h, w, c) float32, and for training labels (n,) int32 and a key, all drawn by the seed."""
        generator = np.random.default_rng(self.case.seed)
        images = generator.standard_normal((self.case.batch, *self.case.input_shape), np.float32)
        if not self._train:
            return (images,)
        labels = generator.integers(0, max(self.case.num_classes, 1), self.case.batch).astype(np.int32)
        return images, labels, jax.random.key(self.case.seed)

    def _function(self, module: Any):
        if self._train:
            return partial(training_step.step, model=module, rule=training_step.optimizer())
        return partial(module.apply, train=False)

    def _call(self, rest: tuple) -> None:
        _, state, _ = self._shared.of(self.case, None)
        if self._train:
            state, loss = self._compiled(state, *rest)
            self._shared.put(self.case, jax.block_until_ready(state))
            jax.block_until_ready(loss)
        else:
            jax.block_until_ready(self._compiled(state, *rest))

    def _require_room(self) -> None:
        """Raise OutOfMemory where the call does not fit: some programs hang or crash where an allocation fails."""
        needed = self.facts['memory_planned_bytes'] or 0
        free, limit = free_bytes(jax.devices()[:1])
        if needed > free:
            raise OutOfMemory(f'the program takes {gib(needed)}; {limit}')

    def _first_call(self, state: Any, rest: tuple) -> dict[str, Any]:
        """Run it once on copies of its arguments, and tell how long that took and by how much the process grew."""
        on_cpu = jax.default_backend() == 'cpu'
        counted = on_cpu and process_memory.forget_peak()
        before = process_memory.resident_bytes()
        arguments = jax.block_until_ready(jax.device_put((state, *rest), may_alias=False))
        start = time.perf_counter()
        result = jax.block_until_ready(self._compiled(*arguments))
        first_call_s = time.perf_counter() - start
        peak = process_memory.peak_bytes()
        del arguments, result
        return {
            'first_call_s': first_call_s,
            'memory_process_growth_bytes': max(peak - before, 0) if counted and before and peak else None,
        }


def memory_of(compiled: jax.stages.Compiled) -> dict[str, int | None]:
    """What XLA plans for a program: bytes of its arguments, results and temporaries, and the bytes that it moves."""
    planned = compiled.memory_analysis()
    cost = compiled.cost_analysis() or {}
    cost = cost[0] if isinstance(cost, list) else cost
    moved = cost.get('bytes accessed')
    facts = {'bytes_accessed': None if moved is None else int(moved)}
    if planned is None:
        names = ('arguments', 'outputs', 'temporaries', 'planned')
        return facts | {f'memory_{name}_bytes': None for name in names}
    parts = {
        'memory_arguments_bytes': planned.argument_size_in_bytes,
        'memory_outputs_bytes': planned.output_size_in_bytes,
        'memory_temporaries_bytes': planned.temp_size_in_bytes,
    }
    return facts | parts | {'memory_planned_bytes': sum(parts.values()) - planned.alias_size_in_bytes}
