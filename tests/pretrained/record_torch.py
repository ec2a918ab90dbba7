"""Record what torchvision and timm call their weights, and what their networks compute with weights that NumPy draws.

Writes torch_recorded.json.gz beside this file: for each network of torch_networks.py the names and shapes of its state
dict and, where a size is given, every 20th of its logits of two images. Needs torch, torchvision and timm; the tests
that read the file need none of them.

    python tests/pretrained/record_torch.py
"""

import gzip
import json
from pathlib import Path

import timm
import torch
import torchvision
from torch_networks import EVERY, NETWORKS, images, value


def record(library: str, name: str, size: int | None) -> dict:
    """Names and shapes of a network's state dict; logits (2, 50) to six digits, or None."""
    model = torchvision.models.get_model(name, weights=None) if library == 'torchvision' else timm.create_model(name)
    shapes = {key: list(tensor.shape) for key, tensor in model.state_dict().items()}
    logits = None
    if size:
        with torch.no_grad():
            for key, tensor in model.state_dict().items():
                if shapes[key]:
                    tensor.copy_(torch.from_numpy(value(key, tuple(shapes[key]))))
            logits = model.eval()(torch.from_numpy(images(size).transpose(0, 3, 1, 2).copy()))
        logits = [[float(f'{number:.6g}') for number in row] for row in logits[:, ::EVERY].tolist()]
    return {'shapes': shapes, 'logits': logits}


def main() -> None:
    """Record all networks."""
    versions = {module.__name__: module.__version__ for module in (torch, torchvision, timm)}
    networks = {arch: record(*entry) for arch, entry in NETWORKS.items()}
    path = Path(__file__).with_name('torch_recorded.json.gz')
    text = json.dumps({'versions': versions, 'networks': networks}, sort_keys=True)
    with gzip.GzipFile(path, 'wb', mtime=0) as file:
        file.write(text.encode())


if __name__ == '__main__':
    main()
