"""Augmentation on the device, in jax, of float images: one key per image, so that the result does not
depend on how the images are spread over devices."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

Augment = Callable[[jax.Array, jax.Array], jax.Array]


def normalise(images: jax.Array, mean: Sequence[float], std: Sequence[float], dtype=jnp.float32) -> jax.Array:
    """(images / 255 - mean) / std per channel: uint8 (n, h, w, c) becomes `dtype` (n, h, w, c), computed
    in float32. `mean` and `std` have one number per channel, in units of 0..1, as `Info` has them."""
    mean, std = jnp.asarray(mean, jnp.float32), jnp.asarray(std, jnp.float32)
    std = jnp.where(std > 0, std, 1)  # a constant channel becomes 0
    factor, offset = 1 / (255 * std), -mean / std  # one multiply-add per pixel
    return (images.astype(jnp.float32) * factor + offset).astype(dtype)


def make_augment(flip: bool = False, pad_crop: int = 0) -> Augment:
    """A function f(keys, images) -> images with the keys (n,) and the images (n, h, w, c).

    Args:
      flip: mirror each image left to right with probability 1/2.
      pad_crop: shift each image by up to that many pixels in both directions, each shift equally likely:
        what padding on each side and cropping at random does (He et al. 2016, section 4.2). What comes in
        from outside is 0: the mean colour if the images have been normalised.
    """

    def one(key: jax.Array, image: jax.Array) -> jax.Array:
        flip_key, crop_key = jax.random.split(key)
        if flip:
            image = mirror(image, jax.random.bernoulli(flip_key))
        if pad_crop:
            image = shift(image, jax.random.randint(crop_key, (2,), 0, 2 * pad_crop + 1), pad_crop)
        return image

    return jax.vmap(one)


def mirror(image: jax.Array, flipped: jax.Array) -> jax.Array:
    """The image (h, w, c), left to right where `flipped` is true."""
    return jnp.where(flipped, image[:, ::-1], image)


def shift(image: jax.Array, corner: jax.Array, pad: int) -> jax.Array:
    """The image (h, w, c) with `pad` zeros on each side, cropped to (h, w, c) with its upper left pixel
    at `corner`, (row, column), each from 0 to 2 * pad."""
    padded = jnp.pad(image, ((pad, pad), (pad, pad), (0, 0)))
    return jax.lax.dynamic_slice(padded, (corner[0], corner[1], 0), image.shape)
