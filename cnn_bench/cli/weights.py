"""Import weights of Keras Applications, torchvision or timm from a file that you have. Nothing is downloaded.

  cnn-bench weights import resnet50 resnet50-11ad3fa6.pth --out weights/resnet50
  cnn-bench eval --weights weights/resnet50 --dataset imagenet

FILE is .safetensors; .pth, where PyTorch is installed (tensors only); or Keras's .h5, .weights.h5 or .keras.
"""

import argparse

from cnn_bench.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The actions `import` and `list`, and their flags."""
    actions = parser.add_subparsers(dest='action', required=True, metavar='ACTION')
    new = actions.add_parser('import', help='convert a file of weights to a checkpoint of ours')
    new.add_argument('arch', metavar='ARCH', help='the architecture that they are of')
    new.add_argument('file', metavar='FILE', help='the file')
    new.add_argument('--out', required=True, metavar='DIR', help='a new directory for the checkpoint and its record')
    new.add_argument('--library', help='whose names the file uses, if that is not to be found out')
    new.add_argument('--classes', type=int, metavar='K', help="number of classes; default: the architecture's own")
    actions.add_parser('list', help='the architectures, and the libraries whose weights can be imported')


def run(args: argparse.Namespace) -> None:
    """Do what `args.action` says."""
    {'import': _import, 'list': _list}[args.action](args)


def _import(args: argparse.Namespace) -> None:
    from cnn_bench.pretrained.importer import import_weights

    source = import_weights(args.arch, args.file, args.out, args.library, args.classes).origin.source
    print(f'{args.out}: {args.arch} with the weights of {source["file"]} ({source["library"]})')


def _list(args: argparse.Namespace) -> None:
    from cnn_bench.models import registry
    from cnn_bench.pretrained.layout import layouts_of

    for name in registry.names():
        try:
            print(f'{name:<24}{", ".join(layouts_of(name))}')
        except UserError:
            continue
