"""torchvision's input pipeline, timed: run by `input.py` in an interpreter that has torch and torchvision.

    python torch_input.py DIR BATCH WARMUP BATCHES

DIR holds class folders. It first prints the versions as a line of JSON; then, for every line of its input, takes WARMUP
batches and BATCHES others, and prints the seconds that these took, and those of the processor.
"""

import json
import sys
import time
from importlib.metadata import version

import torch
from torchvision import transforms
from torchvision.datasets import ImageFolder

SIZE = 224


def main() -> None:
    directory, batch, warmup, batches = sys.argv[1], *map(int, sys.argv[2:])
    torch.set_num_threads(1)
    torch.manual_seed(0)
    crop = [transforms.RandomResizedCrop(SIZE), transforms.RandomHorizontalFlip(), transforms.PILToTensor()]
    images = ImageFolder(directory, transforms.Compose(crop))
    loader = torch.utils.data.DataLoader(images, batch, shuffle=True, num_workers=0, drop_last=True)
    if len(images) < batch:
        raise SystemExit(f'{directory} has {len(images)} pictures, fewer than a batch of {batch}')

    def endless():
        while True:
            yield from loader

    stream = endless()
    print(json.dumps({name: version(name) for name in ('torchvision', 'torch', 'pillow')}), flush=True)
    for _ in sys.stdin:
        for _ in range(warmup):
            next(stream)
        start, cpu = time.perf_counter(), time.process_time()
        for _ in range(batches):
            next(stream)
        found = {'seconds': time.perf_counter() - start, 'cpu_seconds': time.process_time() - cpu}
        print(json.dumps(found), flush=True)


if __name__ == '__main__':
    main()
