"""Training input from JPEG files on one core: images per second of our stream, and of torchvision's loader.

    python benchmarks/input.py --from DIR [--torch-python PYTHON] [--repeats N] [--rounds ROUNDS] [--overlap]

DIR holds class folders of pictures, as ImageFolder of torchvision takes them. Random-resized crops of 224x224, half of
them flipped, as uint8; ours are flipped here with OpenCV, as torchvision's are on the host (in training they are on the
device). torchvision: `DataLoader(num_workers=0)` in the interpreter PYTHON. Ours reads sets made by `data prepare`, as
the files are and with `--shorter-side` 400 and 256 (`--quality 90`); the pixels of 256 are too few for some crops.

Each contestant is a process of its own, pinned to one core; they take turns, ROUNDS times in each of N repeats, so that
what else the machine does hits all alike. MB/s are of picture files read. The ratio is to torchvision within a repeat:
median, lowest, highest. The seconds of the processor (user and system, all threads) hold also where other processes
take a part of the core.

With --overlap: the share of a step that training waits for its batch, on a device that takes 1.3 times as long a step
as the loader takes for a batch.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from itertools import islice
from pathlib import Path

SIZE, BATCH, REDUCED = 224, 64, (400, 256)
WARMUP = 4  # batches before each timing: what a waiting stream has made ahead does not count


def main() -> None:
    """Print the table, or with --overlap the share of waiting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--from', dest='source', type=Path, metavar='DIR', required=True)
    parser.add_argument('--torch-python', default=sys.executable, metavar='PYTHON')
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--rounds', type=int, default=6, help='in each repeat')
    parser.add_argument('--batches', type=int, default=8, help=f'of {BATCH}, timed in each round')
    parser.add_argument('--core', type=int, default=max(os.sched_getaffinity(0)))
    parser.add_argument('--overlap', action='store_true')
    parser.add_argument('--contestant', metavar='SET', help=argparse.SUPPRESS)  # in the process that is timed
    args = parser.parse_args()
    if args.contestant:
        (overlapped if args.overlap else timed)(args.contestant, args.source, args.batches)
        return
    with tempfile.TemporaryDirectory() as made:
        sets = prepared(args.source, Path(made))
        print(f'{processor()}, core {args.core}; load average {os.getloadavg()[0]:.1f}', flush=True)
        if args.overlap:
            overlaps(args, Path(made))
        else:
            table(args, Path(made), sets)


def prepared(source: Path, made: Path) -> dict[str, str]:
    """Sets made of the pictures: name -> what it is. They lie in `made`."""
    from cnn_bench.data.prepare import prepare
    from cnn_bench.data.reduce import Reduction

    folders = made / 'folders'
    first = next(path for path in sorted(source.rglob('*')) if path.is_file())
    test = folders / 'test' / first.relative_to(source)
    test.parent.mkdir(parents=True)
    test.symlink_to(first.resolve())
    (folders / 'train').symlink_to(source.resolve())
    prepare('whole', folders, made)
    for side in REDUCED:
        prepare(f'reduced_{side}', folders, made, reduction=Reduction(side, 90))
    return {'whole': 'cnn_bench', **{f'reduced_{side}': f'cnn_bench, shorter side {side}' for side in REDUCED}}


def table(args: argparse.Namespace, made: Path, sets: dict[str, str]) -> None:
    """Time all contestants in turn and print a row for each."""
    files = [path.stat().st_size for path in args.source.rglob('*') if path.is_file()]
    mean_bytes = {'torchvision': statistics.mean(files), **{name: stored_bytes(name, made) for name in sets}}
    commands = {
        'torchvision': [args.torch_python, beside('torch_input.py'), args.source, BATCH, WARMUP, args.batches],
        **{name: own(name, made, args) for name in sets},
    }
    processes = {name: start(command, args.core) for name, command in commands.items()}
    versions = {name: value for process in processes.values() for name, value in answer(process).items()}
    print(', '.join(f'{name} {value}' for name, value in sorted(versions.items())))
    results = {name: [] for name in commands}
    for _ in range(args.repeats):
        for name, total in rounds(processes, args.rounds).items():
            results[name].append(total)
    images = args.rounds * args.batches * BATCH
    print(f'{len(files):,} pictures; {args.repeats} repeats, {args.rounds} rounds, {args.batches} batches of {BATCH}\n')
    print('| contestant | KB/image | images/s | low | high | MB/s | ratio | low | high | CPU ms/image | ratio |')
    print('| --- |' + ' ---: |' * 10)
    baseline = results['torchvision']
    for name, found in results.items():
        rates = [images / each['seconds'] for each in found]
        ratios, cpu = (
            [theirs[time] / each[time] for theirs, each in zip(baseline, found, strict=True)]
            for time in ('seconds', 'cpu_seconds')
        )
        cells = [f'{mean_bytes[name] / 1e3:.0f}']
        cells += [f'{pick(rates):,.0f}' for pick in (statistics.median, min, max)]
        cells += [f'{statistics.median(rates) * mean_bytes[name] / 1e6:.1f}']
        cells += [f'{pick(ratios):.2f}' for pick in (statistics.median, min, max)]
        cpu_ms = 1e3 * statistics.median(each['cpu_seconds'] for each in found) / images
        cells += [f'{cpu_ms:.2f}', f'{statistics.median(cpu):.2f}']
        print(f'| {sets.get(name, name)} | {" | ".join(cells)} |')
    print(f'\nload average {os.getloadavg()[0]:.1f}')


def rounds(processes: dict[str, subprocess.Popen], count: int) -> dict[str, dict[str, float]]:
    """Seconds, and those of the processor, of each contestant in so many rounds, in turn and from another one on."""
    totals = {name: {'seconds': 0.0, 'cpu_seconds': 0.0} for name in processes}
    for round_ in range(count):
        for place in range(len(processes)):
            name = list(processes)[(place + round_) % len(processes)]
            processes[name].stdin.write('go\n')
            processes[name].stdin.flush()
            for time_, seconds in answer(processes[name]).items():
                totals[name][time_] += seconds
    return totals


def overlaps(args: argparse.Namespace, made: Path) -> None:
    """Print the share of waiting in each repeat."""
    for _ in range(args.repeats):
        found = answer(start([*own('whole', made, args), '--overlap'], args.core))
        print(
            f'loader {found["loader_ms"]:.0f} ms a batch of {BATCH}, device {found["device_ms"]:.0f} ms a step: waits '
            f'{found["waited_ms"]:.1f} ms a step, {100 * found["waited_ms"] / found["step_ms"]:.1f} % of it'
        )


def own(name: str, made: Path, args: argparse.Namespace) -> list:
    """The command that times our stream over the set `name`."""
    return [sys.executable, __file__, '--from', made, '--contestant', name, '--batches', args.batches]


def beside(name: str) -> Path:
    """A file of this directory."""
    return Path(__file__).with_name(name)


def start(command: list, core: int) -> subprocess.Popen:
    """A contestant; it ends when this process ends."""
    return subprocess.Popen(
        ['taskset', '-c', str(core), *map(str, command)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {'JAX_PLATFORMS': 'cpu'},
    )


def answer(process: subprocess.Popen) -> dict:
    """The line of JSON that a contestant prints next."""
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f'{" ".join(process.args)} ended with status {process.wait()}')
    return json.loads(line)


def stored_bytes(name: str, made: Path) -> float:
    """Mean bytes of a picture of the set's training split."""
    from cnn_bench import data

    split = data.open_split(name, 'train', made)
    return statistics.mean(len(split.encoded([index])[0]['image']) for index in range(len(split)))


def timed(name: str, made: Path, batches: int) -> None:
    """Print versions, and for each line of the input the seconds of `batches` flipped batches of our stream."""
    import cv2
    import numpy as np

    from cnn_bench import data

    generator = np.random.default_rng(0)
    packages = ('simplejpeg', 'opencv-python-headless', 'grain', 'array_record', 'numpy')
    print(json.dumps({package: version(package) for package in packages}), flush=True)
    with data.stream(data.open_split(name, 'train', made), BATCH, train=True, **options()) as stream:
        for _ in sys.stdin:
            for _ in islice(stream, WARMUP):
                pass
            start, cpu = time.perf_counter(), time.process_time()
            for batch in islice(stream, batches):
                for image in (batch['image'][place] for place in np.flatnonzero(generator.random(BATCH) < 0.5)):
                    cv2.flip(image, 1, dst=image)
            found = {'seconds': time.perf_counter() - start, 'cpu_seconds': time.process_time() - cpu}
            print(json.dumps(found), flush=True)


def overlapped(name: str, made: Path, batches: int) -> None:
    """Print the milliseconds a step that training waits for its batches on a device that takes a fixed time a step."""
    import jax

    from cnn_bench import data
    from cnn_bench.training.batches import Streamed

    split = data.open_split(name, 'train', made)
    own = options()
    seed = own.pop('seed')

    def steps(device_s: float) -> tuple[float, float]:
        """Seconds waited and seconds in all, of a step."""
        source, waited = Streamed(split, jax.local_devices()[:1], **own), 0.0
        for step in range(WARMUP + batches):
            if step == WARMUP:
                begin, waited = time.perf_counter(), 0.0
            start = time.perf_counter()
            source.train_batches(seed, BATCH, step, 1)
            waited += time.perf_counter() - start
            time.sleep(device_s)
        return waited / batches, (time.perf_counter() - begin) / batches

    _, loader_s = steps(0.0)
    waited_s, step_s = steps(1.3 * loader_s)
    named = {'loader': loader_s, 'device': 1.3 * loader_s, 'waited': waited_s, 'step': step_s}
    print(json.dumps({f'{what}_ms': 1e3 * seconds for what, seconds in named.items()}), flush=True)


def options() -> dict:
    """The arguments of both streams that are timed."""
    from cnn_bench.data.pipeline import RandomCrop
    from cnn_bench.data.preprocessing import Preprocessing

    preprocessing = Preprocessing((SIZE, SIZE, 3), (0.5,) * 3, (0.5,) * 3)
    return {'seed': 0, 'preprocessing': preprocessing, 'random_crop': RandomCrop()}


def processor() -> str:
    """The processor's name, as Linux has it."""
    lines = Path('/proc/cpuinfo').read_text().splitlines() if Path('/proc/cpuinfo').exists() else []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.processor()


if __name__ == '__main__':
    main()
