"""A network so small that a step compiles in a second."""

from flax import linen as nn


class TinyNet(nn.Module):
    """Convolution, batch norm over `bn_axis`, mean, dense."""

    bn_axis: str | None = None
    dropout: float = 0.0

    @nn.compact
    def __call__(self, x, train):
        x = nn.Conv(4, (3, 3), name='conv')(x)
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9, axis_name=self.bn_axis, name='bn')(x)
        x = nn.Dropout(self.dropout, deterministic=not train)(nn.relu(x).mean((1, 2)))
        return nn.Dense(3, name='fc')(x)
