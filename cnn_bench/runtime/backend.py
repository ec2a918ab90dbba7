"""Whether JAX has the devices that the environment variable JAX_PLATFORMS asks for."""

import os

from cnn_bench.errors import UserError

VARIABLE = 'JAX_PLATFORMS'


def explained(error: Exception) -> Exception:
    """`error`, or a UserError in its place if JAX cannot start on the platforms of JAX_PLATFORMS: a TPU, a driver.

    JAX starts when something first touches a device, and raises a RuntimeError or an AssertionError from there.
    """
    if not os.environ.get(VARIABLE) or not isinstance(error, RuntimeError | AssertionError):
        return error
    import jax

    try:
        jax.local_devices()
    except (RuntimeError, AssertionError) as cause:
        reason = str(cause).partition('(set JAX_PLATFORMS')[0].strip(' .') or 'no such device is found'
        return UserError(f'{VARIABLE} is {os.environ[VARIABLE]!r}: {reason}; leave it empty for what is here')
    return error
