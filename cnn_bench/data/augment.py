"""Augmentation of float images on the device, in JAX.

Augmentation of single images takes one key per image; mixing takes one key per batch and pairs neighbours, as the order
of a batch is random already. So the result does not depend on how the images are spread over devices.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from cnn_bench.data.described import VOID
from cnn_bench.errors import UserError

Augment = Callable[[jax.Array, jax.Array], jax.Array]
PairAugment = Callable[[jax.Array, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]
Mix = Callable[[jax.Array, jax.Array, jax.Array], tuple[jax.Array, jax.Array, jax.Array]]


def normalise(images: jax.Array, mean: Sequence[float], std: Sequence[float], dtype=jnp.float32) -> jax.Array:
    """(images / 255 - mean) / std per channel: uint8 (n, h, w, c) becomes `dtype` (n, h, w, c), computed in float32.

    `mean` and `std` have one number per channel, in units of 0..1, as `Info` has them.
    """
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
    """A function (keys (n,), images (n, h, w, c)) -> images.

    Args:
      flip: mirror each image left to right with probability 1/2.
      pad_crop: shift each image by up to so many pixels in both directions, each shift equally likely: the same as
        padding on each side and cropping at random (He et al. 2016, section 4.2). The padding is 0, the mean colour of
        normalised images.
      lighting_std: standard deviation of PCA lighting's random amounts; 0 for none. See `light`.
      lighting_components: a row of `c` numbers per principal component of the training set's colours, eigenvalue times
        eigenvector, in units of 0..1 before normalisation.
      std: the standard deviation that `normalise` divided each channel by.

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


def make_pair_augment(
    flip: bool = False,
    pad_crop: int = 0,
    lighting_std: float = 0.0,
    lighting_components: Sequence[Sequence[float]] = (),
    zoom: Sequence[float] = (1.0, 1.0),
    std: Sequence[float] = (),
) -> PairAugment:
    """A function (keys (n,), images (n, h, w, c), masks (n, h, w)) -> images and masks, which move together.

    As `make_augment`, but for `zoom`: images are enlarged by a factor drawn from it (uniform in its logarithm), and a
    part of the image's size is cut out at random; where it is smaller than the image, it lies in it at random. Images
    are interpolated linearly, masks take the nearest pixel; what is beyond the image is 0, and void in the mask.
    """
    of_image = make_augment(lighting_std=lighting_std, lighting_components=lighting_components, std=std)
    if pad_crop:
        raise UserError('config.augment.pad_crop is for images without masks; config.augment.zoom crops both')
    low, high = zoom

    def one(key: jax.Array, image: jax.Array, mask: jax.Array) -> tuple[jax.Array, jax.Array]:
        flip_key, zoom_key, place_key = jax.random.split(key, 3)
        if flip:
            flipped = jax.random.bernoulli(flip_key)
            image, mask = mirror(image, flipped), mirror(mask, flipped)
        if (low, high) != (1, 1):
            factor = jnp.exp(jax.random.uniform(zoom_key, minval=jnp.log(low), maxval=jnp.log(high)))
            image, mask = zoomed(image, mask, factor, jax.random.uniform(place_key, (2,)))
        return image, mask

    def augment(keys: jax.Array, images: jax.Array, masks: jax.Array) -> tuple[jax.Array, jax.Array]:
        images, masks = jax.vmap(one)(keys, images, masks)
        return of_image(keys, images), masks

    return augment


def zoomed(image: jax.Array, mask: jax.Array, factor: jax.Array, place: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The image (h, w, c) and its mask (h, w), enlarged by `factor`, cut to their size at `place` (rows, columns; from
    0, the upper left, to 1). Without antialiasing."""
    corners, weights, nearest = [], [], []
    for size, part in zip(mask.shape, place, strict=True):
        first = part * (size - size / factor)  # of the part that is seen, in pixels
        at = first + (jnp.arange(size) + 0.5) / factor - 0.5
        low = jnp.floor(at)
        corners.append((low.astype(int), low.astype(int) + 1))
        weights.append((1 - (at - low), at - low))
        nearest.append(jnp.round(at).astype(int))
    rows, columns = nearest
    seen = jnp.where(_inside(rows, mask.shape[0])[:, None] & _inside(columns, mask.shape[1]), 1, 0)
    mask = jnp.where(seen, mask[rows.clip(0, mask.shape[0] - 1)][:, columns.clip(0, mask.shape[1] - 1)], VOID)
    for axis in (0, 1):
        parts = []
        for index, weight in zip(corners[axis], weights[axis], strict=True):
            weight = jnp.where(_inside(index, image.shape[axis]), weight, 0).astype(image.dtype)
            taken = jnp.take(image, index.clip(0, image.shape[axis] - 1), axis)
            parts.append(taken * jnp.expand_dims(weight, (1, 2) if axis == 0 else (0, 2)))
        image = sum(parts)
    return image, mask


def _inside(index: jax.Array, size: int) -> jax.Array:
    return (index >= 0) & (index < size)


def make_mix(mixup_alpha: float = 0.0, cutmix_alpha: float = 0.0, cutmix_prob: float = 0.5) -> Mix | None:
    """A function (key, images, labels) -> (mixed images, labels mixed in, lam), or None for no mixing.

    Each image is mixed with its neighbour, both ways, so a batch must be even. `lam`, the weight of an image's own
    label, is one number per batch, drawn from Beta(alpha, alpha); see `mix_up` and `cut_mix`.

    Args:
      mixup_alpha: mixup's alpha, 0 for no mixup.
      cutmix_alpha: CutMix's alpha, 0 for no CutMix.
      cutmix_prob: the probability of CutMix in a step where both are on.
    """
    for name, value in (('mixup_alpha', mixup_alpha), ('cutmix_alpha', cutmix_alpha)):
        if value < 0:
            raise UserError(f'config.mix.{name} is {value}; it must be at least 0')
    if not 0 <= cutmix_prob <= 1:
        raise UserError(f'config.mix.cutmix_prob is {cutmix_prob}; it must be from 0 to 1')
    if not mixup_alpha and not cutmix_alpha:
        return None

    def mixed_up(key, images):
        lam = jax.random.beta(key, mixup_alpha, mixup_alpha)
        return mix_up(images, lam), lam

    def cut(key, images):
        lam_key, centre_key = jax.random.split(key)
        lam = jax.random.beta(lam_key, cutmix_alpha, cutmix_alpha)
        return cut_mix(images, lam, jax.random.uniform(centre_key, (2,)))

    def mix(key: jax.Array, images: jax.Array, labels: jax.Array) -> tuple:
        key, choice_key = jax.random.split(key)
        if mixup_alpha and cutmix_alpha:
            images, lam = jax.lax.cond(jax.random.bernoulli(choice_key, cutmix_prob), cut, mixed_up, key, images)
        else:
            images, lam = (cut if cutmix_alpha else mixed_up)(key, images)
        return images, neighbours(labels), lam

    return mix


def neighbours(batch: jax.Array) -> jax.Array:
    """The batch (n, ...), n even, with each pair of neighbours swapped: 1, 0, 3, 2, ..."""
    pairs = batch.reshape(-1, 2, *batch.shape[1:])
    return pairs[:, ::-1].reshape(batch.shape)


def mix_up(images: jax.Array, lam: jax.Array) -> jax.Array:
    """Mixup: lam x images + (1 - lam) x their neighbours (Zhang et al. 2017, arXiv 1710.09412)."""
    lam = lam.astype(images.dtype)
    return lam * images + (1 - lam) * neighbours(images)


def cut_mix(images: jax.Array, lam: jax.Array, centre: jax.Array) -> tuple[jax.Array, jax.Array]:
    """CutMix: the images (n, h, w, c) with a box of their neighbours' pixels, and the area that is left of their own.

    The box has 1 - lam of the image's area and its proportions, its middle at `centre` (row, column; as fractions of
    height and width), and is clipped at the borders (Yun et al. 2019, arXiv 1905.04899).
    """
    inside = []
    for size, middle in zip(images.shape[1:3], centre, strict=True):
        half = jnp.floor(size * jnp.sqrt(1 - lam)) // 2
        at = jnp.arange(size)
        inside.append((at >= jnp.floor(middle * size) - half) & (at < jnp.floor(middle * size) + half))
    box = inside[0][:, None] & inside[1]
    return jnp.where(box[:, :, None], neighbours(images), images), 1 - box.mean()


def light(
    image: jax.Array, amounts: jax.Array, components: Sequence[Sequence[float]], std: Sequence[float]
) -> jax.Array:
    """PCA lighting: the normalised image (h, w, c) with `amounts` times the colour `components` added to every pixel.

    Krizhevsky, Sutskever & Hinton 2012, section 4.1: each component is a principal component of the training set's
    colours times its eigenvalue; each amount is normal with standard deviation 0.1, drawn per image.
    """
    std = jnp.asarray(std, jnp.float32)
    added = amounts @ jnp.asarray(components, jnp.float32) / jnp.where(std > 0, std, 1)
    return image + added.astype(image.dtype)


def mirror(image: jax.Array, flipped: jax.Array) -> jax.Array:
    """The image (h, w, c), or mask (h, w), mirrored left to right if `flipped`."""
    return jnp.where(flipped, image[:, ::-1], image)


def shift(image: jax.Array, corner: jax.Array, pad: int) -> jax.Array:
    """The image (h, w, c) padded with `pad` zeros on each side, then cropped to (h, w, c) at `corner` (row, column)."""
    padded = jnp.pad(image, ((pad, pad), (pad, pad), (0, 0)))
    return jax.lax.dynamic_slice(padded, (corner[0], corner[1], 0), image.shape)
