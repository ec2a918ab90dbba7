"""Claims from a table of layers as lectures print it: number of maps, size, kernel and stride, line by line."""

from collections.abc import Iterator, Mapping
from functools import partial

from cnn_bench.lecture.claims.claim import Claim
from cnn_bench.lecture.claims.network_facts import Shape, convolutions, layer, poolings
from cnn_bench.models import registry

Window = tuple[int, int]  # the side of a square kernel, and its stride
UNIT = 'h, w, maps, kernel, stride'


def claims_by_line(
    arch: str,
    source: str,
    image: Shape,
    windows: Mapping[str, tuple[str | int, Shape, Window]],
    dense: Mapping[str, tuple[str, int]],
) -> Iterator[Claim]:
    """A claim for each line of the table of `arch`.

    Args:
        windows: by name of the line, the layer (path of a convolution, or number of a pooling from 0), its output
            (h, w, maps), and its kernel and stride.
        dense: by name of the line, the path of the dense layer and its number of outputs.
    """
    yield Claim(
        f'{arch}.in',
        f'In: {_sizes(image)}',
        source,
        image,
        f'native images of `{arch}`',
        lambda: registry.get(arch).input_shape,
        'h, w, maps',
    )
    for name, (where, shape, (kernel, stride)) in windows.items():
        pooling = isinstance(where, int)
        yield Claim(
            f'{arch}.{name.lower()}',
            f'{name}: {_sizes(shape)}, {kernel}x{kernel}, stride {stride}',
            source,
            (*shape, kernel, stride),
            f'pooling {where + 1} of `{arch}` as counted' if pooling else f'{where} of `{arch}` as built',
            partial(_pooling if pooling else _convolution, arch, where),
            UNIT,
        )
    for name, (path, outputs) in dense.items():
        yield Claim(
            f'{arch}.{name.lower()}',
            f'{name}: {outputs:,} outputs',
            source,
            outputs,
            f'the dense layer {path} of `{arch}`',
            partial(_outputs, arch, path),
        )


def _sizes(shape):
    h, w, maps = shape
    return f'{maps} map{"s" if maps > 1 else ""} of {h}x{w}'


def _convolution(arch, path):
    found = convolutions(arch)[path]
    return (*found.output, found.kernel, found.stride)


def _pooling(arch, number):
    found = poolings(arch)[number]
    return (*found.output, found.window, found.stride)


def _outputs(arch, path):
    return layer(arch, path).output_shape[-1]
