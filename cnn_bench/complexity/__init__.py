"""Cost and receptive fields of a network, read off its jaxpr. Nothing is allocated or run on a device.

`count` takes any JAX function, `model_cost` a Flax module. Both take shapes and never a config. The columns, all for
the whole batch:

- `params`, `param_bytes`: the 'params' collection. Batch statistics are not parameters.
- `macs`: multiply-adds of convolutions and dense layers, including padding, trained or not. `flops` is 2 x `macs`.
  Patches and `jax.image.resize`, which arrive as convolutions and matrix products, add none (see `fixed`).
- `elementwise_ops`: one per output element of every addition, ReLU, exponential, ... (batch norm as traced),
  and per interpolated element; n log2(n) for sorting n numbers, 5 n log2(n) for an FFT.
- `reduction_ops`: one per input element of every sum or maximum over axes, such as a global average pool.
- `pooling_ops`: window size per output element.
- `activation_bytes`: outputs of convolution, dense and windowed pooling layers. Normalisation and elementwise functions
  count as fused into the layer before them and add nothing.

`receptive_fields` and `model_receptive_fields` find the pixels that each layer's outputs depend on in the same way.
"""

from cnn_bench.complexity.cost import Cost, model_cost
from cnn_bench.complexity.receptive_field import (
    ReceptiveField,
    ReceptiveFields,
    model_receptive_fields,
    receptive_fields,
)
from cnn_bench.complexity.rows import Layer
from cnn_bench.complexity.walk import Op, count
from cnn_bench.complexity.work import Uncountable, Work

__all__ = [
    'Cost',
    'Layer',
    'Op',
    'ReceptiveField',
    'ReceptiveFields',
    'Uncountable',
    'Work',
    'count',
    'model_cost',
    'model_receptive_fields',
    'receptive_fields',
]
