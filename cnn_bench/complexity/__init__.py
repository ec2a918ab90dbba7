"""What a network costs, read off its jaxpr: nothing is allocated and nothing runs on a device.

`count` takes any JAX function, `model_cost` a Flax module; both take shapes and never a config. The columns:

- `params`, `param_bytes`: the 'params' collection. Batch statistics are not parameters.
- `macs`: multiply-adds of convolutions and dense layers, padding taps included. `flops` is 2 x `macs`.
- `elementwise_ops`: one per output element of every addition, ReLU, exponential, ... (batch norm as it is
  traced).
- `reduction_ops`: one per input element of every sum or maximum over axes; so a global average pool is here.
- `pooling_ops`: window size per output element.
- `activation_bytes`: the outputs of convolution, dense and windowed pooling layers. Normalisation and
  elementwise functions count as fused into the layer before them and add nothing.

All of them are for the whole batch.

`receptive_fields` and `model_receptive_fields` tell in the same way which pixels each layer's outputs see.
"""

from cnn_bench.complexity.cost import Cost, model_cost
from cnn_bench.complexity.layers import Layer
from cnn_bench.complexity.primitives import Uncountable
from cnn_bench.complexity.receptive_field import (
    ReceptiveField,
    ReceptiveFields,
    model_receptive_fields,
    receptive_fields,
)
from cnn_bench.complexity.walk import Op, count

__all__ = [
    'Cost',
    'Layer',
    'Op',
    'ReceptiveField',
    'ReceptiveFields',
    'Uncountable',
    'count',
    'model_cost',
    'model_receptive_fields',
    'receptive_fields',
]
