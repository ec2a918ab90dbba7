"""A network so small that a step compiles in a second, and a recipe that knows which of its fields were read."""

import pytest
from flax import linen as nn
from ml_collections import ConfigDict


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


class Watched(ConfigDict):
    """A ConfigDict that notes in `seen` which of its fields were read."""

    def __init__(self, fields, seen):
        object.__setattr__(self, 'seen', seen)
        super().__init__(fields)

    def __getitem__(self, key):
        object.__getattribute__(self, 'seen').add(key)
        return super().__getitem__(key)


@pytest.fixture
def watched_config():
    """The class."""
    return Watched


@pytest.fixture
def tiny_net():
    """The module class."""
    return TinyNet
