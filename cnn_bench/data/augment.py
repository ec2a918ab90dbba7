"""Augmentation on the device, in jax, of float images.

What is done to one image takes one key per image, and what mixes two takes one key per batch and pairs neighbours: so
the result does not depend on how the images are spread over devices. A batch's order is random already.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from cnn_bench.errors import UserError

Augment = Callable[[jax.Array, jax.Array], jax.Array]
Mix = Callable[[jax.Array, jax.Array, jax.Array], tuple[jax.Array, jax.Array, jax.Array]]


def normalise(images: jax.Array, mean: Sequence[float], std: Sequence[float], dtype=jnp.float32) -> jax.Array:
    """(images / 255 - mean) / std per channel: uint8 (n, h, w, c) becomes `dtype` (n, h, w, c), computed
    in float32. `mean` and `std` have one number per channel, in units of 0..1, as `Info` has them."""
    mean, std = jnp.asarray(mean, jnp.float32), jnp.asarray(std, jnp.float32)
    std = jnp.where(std > 0, std, 1)  # a constant channel becomes 0
    factor, offset = 1 / (255 * std), -mean / std  # one multiply-add per pixel
    return (images.astype(jnp.float32) * factor + offset).astype(dtype)


def make_augment(
    flip: bool = False,
    pad_crop: int = 0,
    lighting_std: float = 0.0,
    lighting_components: Sequence[Sequence[float]] = (),
    std: Sequence[float] = (),
) -> Augment:
    """A function f(keys, images) -> images with the keys (n,) and the images (n, h, w, c).

    Args:
      flip: mirror each image left to right with probability 1/2.
      pad_crop: shift each image by up to that many pixels in both directions, each shift equally likely:
        what padding on each side and cropping at random does (He et al. 2016, section 4.2). What comes in
        from outside is 0: the mean colour if the images have been normalised.
      lighting_std: of the normal numbers that PCA lighting draws; 0 for none. See `light`.
      lighting_components: a row of `c` numbers per principal component of the training set's colours, its
        eigenvalue times its eigenvector, in units of 0..1 before normalisation.
      std: what `normalise` divided each channel by.

    Raises UserError for values out of range and for components of another number of channels than `std` has.
    """
    if pad_crop < 0 or lighting_std < 0:
        name, value = ('pad_crop', pad_crop) if pad_crop < 0 else ('lighting_std', lighting_std)
        raise UserError(f'config.augment.{name} is {value}; it must be at least 0')
    if lighting_std and not (lighting_components and all(len(row) == len(std) for row in lighting_components)):
        raise UserError(
            f'config.augment.lighting_components is {lighting_components!r}; lighting takes rows of {len(std)} numbers'
        )

    def one(key: jax.Array, image: jax.Array) -> jax.Array:
        flip_key, crop_key = jax.random.split(key)
        if flip:
            image = mirror(image, jax.random.bernoulli(flip_key))
        if pad_crop:
            image = shift(image, jax.random.randint(crop_key, (2,), 0, 2 * pad_crop + 1), pad_crop)
        if lighting_std:
            amounts = lighting_std * jax.random.normal(jax.random.fold_in(key, 1), (len(lighting_components),))
            image = light(image, amounts, lighting_components, std)
        return image

    return jax.vmap(one)


def make_mix(mixup_alpha: float = 0.0, cutmix_alpha: float = 0.0, cutmix_prob: float = 0.5) -> Mix | None:
    """A function f(key, images, labels) -> (images, labels of the others, share of the own label); None for none.

    Each image is mixed with its neighbour, both ways; a batch of an odd number cannot be. The share, one number for
    the whole batch, is drawn from Beta(alpha, alpha): `mix_up` and `cut_mix` say what it does.

    Args:
      mixup_alpha: mixup's alpha, 0 for no mixup.
      cutmix_alpha: CutMix's alpha, 0 for no CutMix.
      cutmix_prob: the probability with which a step takes CutMix where both are asked for.
    """
    for name, value in (('mixup_alpha', mixup_alpha), ('cutmix_alpha', cutmix_alpha)):
        if value < 0:
            raise UserError(f'config.mix.{name} is {value}; it must be at least 0')
    if not 0 <= cutmix_prob <= 1:
        raise UserError(f'config.mix.cutmix_prob is {cutmix_prob}; it must be from 0 to 1')
    if not mixup_alpha and not cutmix_alpha:
        return None

    def mixed_up(key, images):
        share = jax.random.beta(key, mixup_alpha, mixup_alpha)
        return mix_up(images, share), share

    def cut(key, images):
        share_key, centre_key = jax.random.split(key)
        share = jax.random.beta(share_key, cutmix_alpha, cutmix_alpha)
        return cut_mix(images, share, jax.random.uniform(centre_key, (2,)))

    def mix(key: jax.Array, images: jax.Array, labels: jax.Array) -> tuple:
        key, choice_key = jax.random.split(key)
        if mixup_alpha and cutmix_alpha:
            images, share = jax.lax.cond(jax.random.bernoulli(choice_key, cutmix_prob), cut, mixed_up, key, images)
        else:
            images, share = (cut if cutmix_alpha else mixed_up)(key, images)
        return images, neighbours(labels), share

    return mix


def neighbours(batch: jax.Array) -> jax.Array:
    """The batch (n, ...), n even, with each two neighbours exchanged: 1, 0, 3, 2, ..."""
    pairs = batch.reshape(-1, 2, *batch.shape[1:])
    return pairs[:, ::-1].reshape(batch.shape)


def mix_up(images: jax.Array, share: jax.Array) -> jax.Array:
    """share x images + (1 - share) x their neighbours (Zhang et al. 2017, arXiv 1710.09412)."""
    share = share.astype(images.dtype)
    return share * images + (1 - share) * neighbours(images)


def cut_mix(images: jax.Array, share: jax.Array, centre: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The images (n, h, w, c) with a box of their neighbours' pixels, and the share that is left of their own.

    The box has the part 1 - share of the area and the image's proportions, its middle at `centre` (row, column; parts
    of height and width), and is cut off at the borders (Yun et al. 2019, arXiv 1905.04899).
    """
    inside = []
    for size, middle in zip(images.shape[1:3], centre, strict=True):
        half = jnp.floor(size * jnp.sqrt(1 - share)) // 2
        at = jnp.arange(size)
        inside.append((at >= jnp.floor(middle * size) - half) & (at < jnp.floor(middle * size) + half))
    box = inside[0][:, None] & inside[1]
    return jnp.where(box[:, :, None], neighbours(images), images), 1 - box.mean()


def light(
    image: jax.Array, amounts: jax.Array, components: Sequence[Sequence[float]], std: Sequence[float]
) -> jax.Array:
    """The image (h, w, c), normalised by `std`, with `amounts` times the colour `components` added to every pixel.

    Krizhevsky, Sutskever & Hinton 2012, section 4.1: each component is a principal component of the training set's
    colours times its eigenvalue, each amount a normal number of standard deviation 0.1 that is drawn per image.
    """
    std = jnp.asarray(std, jnp.float32)
    added = amounts @ jnp.asarray(components, jnp.float32) / jnp.where(std > 0, std, 1)
    return image + added.astype(image.dtype)


def mirror(image: jax.Array, flipped: jax.Array) -> jax.Array:
    """The image (h, w, c), left to right where `flipped` is true."""
    return jnp.where(flipped, image[:, ::-1], image)


def shift(image: jax.Array, corner: jax.Array, pad: int) -> jax.Array:
    """The image (h, w, c) with `pad` zeros on each side, cropped to (h, w, c) with its upper left pixel
    at `corner`, (row, column), each from 0 to 2 * pad."""
    padded = jnp.pad(image, ((pad, pad), (pad, pad), (0, 0)))
    return jax.lax.dynamic_slice(padded, (corner[0], corner[1], 0), image.shape)
