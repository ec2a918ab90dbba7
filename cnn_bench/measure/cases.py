"""What is measured: a network, a contestant that runs it, a batch, a number format and a mode, each a row."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from cnn_bench.errors import UserError
from cnn_bench.models import registry

OURS = 'cnn_bench'
FRAMEWORKS = (OURS, 'torch', 'torch-compile')
DTYPES = ('float32', 'bfloat16')
MODES = ('inference', 'unfolded', 'training')
KEY = ('arch', 'framework', 'batch', 'dtype', 'mode', 'size', 'width', 'platform', 'device', 'threads')
PRESETS = {  # of the networks of a paper
    # Canziani et al. 2017; their AlexNet is Caffe's, which `alexnet` is in our table of published accuracy.
    'canziani': (
        *('alexnet', 'alexnet_bn', 'nin_bn', 'enet', 'googlenet', 'resnet18', 'vgg16', 'vgg19', 'resnet34'),
        *('resnet50', 'resnet101', 'resnet152', 'inception_v3', 'inception_v4'),
    )
}


@dataclass(frozen=True)
class Case:
    """One thing to be timed. `size` is the height and width of an image in pixels, `width` multiplies channels."""

    arch: str
    framework: str
    batch: int
    dtype: str
    mode: str
    size: int
    width: float
    channels: int
    num_classes: int
    params: int | None = None  # that a network of this name has; None: not known
    macs: int | None = None  # of one image
    seed: int = 0

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(h, w, c) of an image."""
        return self.size, self.size, self.channels

    @property
    def label(self) -> str:
        """In a line: 'resnet18, batch 16, float32, inference'; the contestant is told where it is not ours."""
        who = '' if self.framework == OURS else f' ({self.framework})'
        return f'{registry.label(self.arch)}{who}, batch {self.batch}, {self.dtype}, {self.mode}'

    def record(self) -> dict[str, Any]:
        """As a worker gets it."""
        return dataclasses.asdict(self)


def key(row: Mapping[str, Any]) -> tuple:
    """What tells a row from all others of its directory."""
    return tuple(row.get(name) for name in KEY)


def of_networks(
    names: Sequence[str],
    frameworks: Sequence[str] = (OURS,),
    batches: Iterable[int] = (1,),
    dtypes: Iterable[str] = ('float32',),
    modes: Iterable[str] = ('inference',),
    size: int | None = None,
    width: float | None = None,
) -> list[Case]:
    """The cases of networks, in the order of their names; multiply-adds are those of the registry where it has them.

    Raises UserError for a name that is unknown.
    """
    cases = []
    for name in dict.fromkeys(names):
        arch = registry.get(name)
        chosen = {'size': size or arch.size, 'width': 1.0 if width is None else float(width)}
        native = chosen['size'] == arch.size and chosen['width'] == 1.0
        facts = {'channels': arch.channels, 'num_classes': arch.num_classes}
        for framework, dtype, mode, batch in product(frameworks, dtypes, modes, sorted(set(batches))):
            in_use = mode == 'inference'
            costs = (arch.params_in_use, arch.macs_in_use) if in_use else (arch.params, arch.macs)
            params, macs = costs if native else (None, None)
            cases.append(Case(name, framework, batch, dtype, mode, **chosen, **facts, params=params, macs=macs))
    return cases


def build(case: Case) -> Any:
    """The Flax module of a case."""
    width = {} if case.width == 1.0 else {'width': case.width}
    return registry.build(case.arch, dtype=case.dtype, **width)


def form_of(case: Case, module: Any) -> Any:
    """The form of a case's module that has its `params` and `macs`: at inference branches are fused."""
    from cnn_bench.models.branches import in_use

    return in_use(module) if case.mode == 'inference' else module


def counted(case: Case) -> Case:
    """The case with `params` and `macs`, which are counted where the registry has none for its size and width.

    Raises UserError where the network does not take images of that size.
    """
    if case.macs is not None:
        return case
    from cnn_bench.complexity import model_cost

    module = registry.build(case.arch, **({} if case.width == 1.0 else {'width': case.width}))
    registry.check_runs(case.arch, module, case.input_shape)
    cost = model_cost(form_of(case, module), case.input_shape)
    return dataclasses.replace(case, params=cost.params, macs=cost.macs)


def known(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """(names of networks that there are, a line for each of the others)."""
    good, lines = [], []
    for name in dict.fromkeys(names):
        try:
            registry.get(name)
            good.append(name)
        except UserError as error:
            lines.append(str(error))
    return good, lines
