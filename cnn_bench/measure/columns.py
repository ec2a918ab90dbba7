"""The columns of `cnn-bench measure`, a row per network, contestant, batch, number format and mode: what each is, and
what it is not. What is not known, because there is no such sensor or the row failed, is null and never 0."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Column:
    """One column of rows.jsonl."""

    name: str
    kind: Literal['text', 'count', 'number', 'flag', 'object']
    unit: str
    doc: str


# fmt: off
COLUMNS: dict[str, Column] = {
    column.name: column
    for column in (
        # What was measured.
        Column('arch', 'text', '', 'name of the network in the registry, or path/to/file.py:Name as it was given'),
        Column('framework', 'text', '', '`cnn_bench`; `torch` and `torch-compile` are the same network in PyTorch'),
        Column('batch', 'count', 'images', 'images in a call'),
        Column('dtype', 'text', '', 'number format of the computation; parameters of a training step are float32'),
        Column('mode', 'text', '', '`inference`: logits of a batch, batch norms folded and branches fused; `unfolded`: '
               'the same by the network as it is trained; `training`: a whole step of SGD with momentum on one batch '
               'that stays on the device, without reading or augmenting images'),
        Column('size', 'count', 'pixels', 'height and width of an image'),
        Column('width', 'number', '', 'multiplier of the number of channels'),
        Column('platform', 'text', '', '`cpu` or `gpu`'),
        Column('device', 'text', '', 'name of the processor or GPU'),
        Column('threads', 'count', '', 'cores that the processes could use; not those that they did use'),
        Column('status', 'text', '', '`ok`, `out_of_memory`, `failed` or `unsupported` (this contestant has no such '
               'network); all but `ok` have no figures'),
        Column('reason', 'text', '', 'why there are no figures, in a line'),
        # Time.
        Column('latency_ms_p50', 'number', 'ms', 'median time of a call on a batch that is on the device already, '
               'until the result is there: over all calls of all rounds, those for warming up left out'),
        Column('latency_ms_p90', 'number', 'ms', '90th percentile of the same calls'),
        Column('latency_ms_p99', 'number', 'ms', '99th percentile of the same calls; with fewer than 100 `calls` '
               'little less than the longest'),
        Column('latency_ms_low', 'number', 'ms', 'lower end of the 95 % interval for the median that the same '
               'command gives another time on this machine: from the spread of rounds and of processes, not of '
               'calls, as `intervals` explains; null with one round. Says nothing of other machines, versions or '
               'loads'),
        Column('latency_ms_high', 'number', 'ms', 'upper end of that interval'),
        Column('latency_with_copy_ms_p50', 'number', 'ms', 'the same median of calls that each bring their images '
               'from host memory; from fewer calls. On a CPU the array may be used where it lies, without a copy'),
        Column('images_per_s', 'number', '1/s', 'batch / median latency, one call after the other: not the '
               'throughput of calls that overlap'),
        Column('images_per_s_low', 'number', '1/s', 'from latency_ms_high'),
        Column('images_per_s_high', 'number', '1/s', 'from latency_ms_low'),
        Column('compile_s', 'number', 's', 'tracing and compiling the call, without any cache of compiled programs; '
               'median over processes. Drawing the parameters is not in it. PyTorch compiles in its first call: for '
               '`torch-compile` it equals first_call_s, for `torch` it is null'),
        Column('first_call_s', 'number', 's', 'the first call after that; median over processes'),
        # Memory.
        Column('memory_arguments_bytes', 'count', 'bytes', "XLA's plan: arguments of the program, that is "
               "parameters, batch statistics, the optimiser's state in training, and the batch"),
        Column('memory_outputs_bytes', 'count', 'bytes', "XLA's plan: logits, or the state after a training step"),
        Column('memory_temporaries_bytes', 'count', 'bytes', "XLA's plan: what it allocates for a call. Memory that "
               "a library takes behind it, such as scratch space, is not in it"),
        Column('memory_planned_bytes', 'count', 'bytes', 'sum of the three, less what outputs share with arguments'),
        Column('memory_allocator_peak_bytes', 'count', 'bytes', "the device allocator's peak since the process "
               "started, earlier cases of the process included; null on CPUs, which have no such count"),
        Column('memory_process_growth_bytes', 'count', 'bytes', 'CPU only: by how much the resident memory of the '
               'process grew at most (VmHWM) from before the arguments were copied to the device until its first '
               'call had ended. Compilation is over by then. Stacks and buffers of threads that the first call '
               'starts are in it; memory that an earlier case of the process left behind and that is used again is '
               'not. Of the rows in results/measure_cpu it is 0.90 to 1.52 times memory_planned_bytes'),
        # The network.
        Column('params', 'count', '', 'trainable parameters of the network as defined, batch norm not yet folded; at '
               'inference of branches that are fused, those of the fused form'),
        Column('params_bytes', 'count', 'bytes', 'bytes of these'),
        Column('macs', 'count', '', 'multiply-adds of convolutions and dense layers for one image forward, as '
               'counted, of the same form'),
        # Power.
        Column('power_w', 'number', 'W', "mean power of the GPU in a round less power_w's idle; median over rounds. "
               "From its count of energy (NVML), between the request and the answer, so that calls for warming up "
               "are in it"),
        Column('power_idle_w', 'number', 'W', 'mean power of the GPU over seconds before anything was started on it'),
        Column('energy_per_image_j', 'number', 'J', 'power_w x latency_ms_p50 / batch: of the GPU, idle taken off; '
               'not of the machine'),
        Column('clock_mhz_before', 'number', 'MHz', 'clock of the multiprocessors before the first round'),
        Column('clock_mhz_after', 'number', 'MHz', 'the same after the last round'),
        Column('temperature_c_before', 'number', '°C', 'temperature of the GPU before the first round'),
        Column('temperature_c_after', 'number', '°C', 'the same after the last round'),
        # Against the device.
        Column('tflop_per_s', 'number', '10^12/s', '2 x macs x batch / median latency, 3 times that in training: '
               'what the network takes by count, whatever the program really computes'),
        Column('matrix_peak_tflop_per_s', 'number', '10^12/s', "the best rate of a large square matrix product of "
               "XLA's in this dtype, one measurement a round: not what the maker states"),
        Column('matrix_peak_share', 'number', '', 'tflop_per_s / matrix_peak_tflop_per_s'),
        Column('bytes_accessed', 'count', 'bytes', "XLA's estimate of what the operations of a call read and write, "
               "each for itself: what stays in a cache counts too"),
        Column('copy_bytes_per_s', 'number', 'bytes/s', 'the best rate at which XLA reads one large array and '
               'writes another, both counted, one measurement a round'),
        Column('copy_share', 'number', '', 'bytes_accessed / median latency / copy_bytes_per_s; above 1 where '
               'caches serve much of it'),
        # How it was measured.
        Column('spread_pct', 'number', '%', '90th less 10th percentile of the calls of a round in per cent of its '
               'median, of the round where that is largest'),
        Column('spread_of_rounds_pct', 'number', '%', 'highest less lowest of the medians of the rounds, in per cent '
               'of their median'),
        Column('noisy', 'flag', '', 'whether spread_pct or spread_of_rounds_pct is above 25: other work disturbed it, '
               'or calls are too short to repeat well'),
        Column('repeats', 'count', '', 'rounds; between two rounds of a row come those of all others'),
        Column('processes', 'count', '', 'processes that these rounds are from'),
        Column('calls', 'count', '', 'timed calls over all rounds'),
        Column('warmup_calls', 'count', '', 'calls that were left out: the first ones of each process, and the '
               'first of each round where calls are short'),
        Column('load_average', 'number', '', 'highest load average of the machine (1 min) at the rounds; what was '
               'measured is in it'),
        Column('measured_at', 'text', '', 'when the last round ended, ISO 8601, UTC'),
        Column('versions', 'object', '', 'versions of Python and of the libraries that compute'),
        Column('commit', 'text', '', 'commit of the code, with + where there were uncommitted changes'),
        Column('code', 'text', '', 'first digits of a sha256 over the modules that the network is run by: equal '
               'where their text is equal'),
    )
}
# fmt: on

NOISY = 0.25  # the bound of the column `noisy`, as a share
