"""Write small files of torch.save, for the tests of `pretrained.torch_file`, which have no PyTorch.

Writes torch_files.json.gz beside this file: the bytes of each file in base64. What is in them is said in
test_torch_file.py.

    python tests/pretrained/record_torch_files.py
"""

import argparse
import base64
import gzip
import io
import json
import warnings
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch


def contents() -> dict:
    """What each file holds."""
    base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    tensors = {'whole': base, 'turned': base.T, 'row': base[1], 'number': torch.tensor(7), 'none': torch.empty(0, 3)}
    tensors |= {kind: torch.tensor([-1.5, 2]).to(getattr(torch, kind)) for kind in ('float64', 'float16', 'bfloat16')}
    tensors |= {kind: torch.tensor([-1, 2]).to(getattr(torch, kind)) for kind in ('int32', 'int16', 'int8', 'bool')}
    layer = torch.nn.Sequential(torch.nn.BatchNorm2d(2), torch.nn.Conv2d(2, 1, 1, bias=False))
    with torch.no_grad():
        layer[1].weight.copy_(torch.tensor([3.0, 4.0]).reshape(1, 2, 1, 1))
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
    checkpoint = {
        'model': layer.state_dict(),
        'parameters': OrderedDict(layer.named_parameters()),
        'optimizer': optimizer.state_dict(),
        'args': argparse.Namespace(arch='resnet50', lr=0.1, output_dir=None),
        'best': np.float64(76.5),
        'epoch': np.int64(3),
        'shape': torch.Size([1, 2]),
        'device': torch.device('cuda', 0),
        'kind': torch.bfloat16,
        'frozen': {'a', 'b'},
    }
    return {'tensors': tensors, 'checkpoint': checkpoint, 'network': layer}


def saved(content: object, **settings: bool) -> str:
    """The bytes of its file, in base64."""
    file = io.BytesIO()
    torch.save(content, file, **settings)
    return base64.b64encode(file.getvalue()).decode()


def main() -> None:
    """Write all files in both formats, and one of TorchScript."""
    files = {}
    for name, content in contents().items():
        files[name] = saved(content)
        files[f'{name}_older'] = saved(content, _use_new_zipfile_serialization=False)
    script = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), script)
    files['script'] = base64.b64encode(script.getvalue()).decode()
    text = json.dumps({'version': torch.__version__, 'files': files}, sort_keys=True)
    with gzip.GzipFile(Path(__file__).with_name('torch_files.json.gz'), 'wb', mtime=0) as file:
        file.write(text.encode())


if __name__ == '__main__':
    main()
