"""Multiply-adds per second of a convolution of XLA with its gradients, which says roughly how long training takes.

`python -m cnn_bench.measure.convolution_rate` prints it as JSON. It imports little, since its user waits for it.
"""

import json
import statistics

from cnn_bench.measure.standalone.calls import turn, warm_up
from cnn_bench.runtime import cores

TIMED_S = 0.5


def time_convolution(batch: int = 64, side: int = 16, channels: int = 64) -> dict:
    """{'macs_per_second', 'device'} of the forward and backward pass of a 3x3 convolution."""
    import jax
    import jax.numpy as jnp

    def loss(kernel, images):
        out = jax.lax.conv_general_dilated(images, kernel, (1, 1), 'SAME', dimension_numbers=('NHWC', 'HWIO', 'NHWC'))
        return jnp.square(out).mean()

    gradient = jax.jit(jax.grad(loss, argnums=(0, 1)))
    images, kernel = jnp.ones((batch, side, side, channels)), jnp.ones((3, 3, channels, channels))

    def call() -> None:
        jax.block_until_ready(gradient(kernel, images))

    _, usual_s = warm_up(call)
    macs = 3 * batch * side**2 * 9 * channels**2  # forward pass and two gradients, which cost the same each
    seconds = statistics.median(turn(call, TIMED_S, usual_s)['seconds'])
    return {'macs_per_second': macs / seconds, 'device': jax.devices()[0].device_kind}


if __name__ == '__main__':
    cores.keep_to_own()
    print(json.dumps(time_convolution()))
