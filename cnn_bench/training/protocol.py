"""How an image is shown to a network in an evaluation, and how what it says of the views is averaged.

The published protocols, each with the scales, mirrors and averaging of its paper as defaults:

- one crop at the centre, as the preprocessing of the network says;
- 10 crops: Krizhevsky, Sutskever, Hinton 2012: four corners and centre of the central square of the resized picture,
  and their mirrors, probabilities averaged. Torchvision's `TenCrop` takes the corners of the whole picture, not of the
  square;
- 144 crops: Szegedy et al.: Going deeper with convolutions, 2014, section 7: at four scales (shorter side 256, 288, 320
  and 352 for crops of 224) three squares, of each the four corners, the centre and the whole square resized, and their
  mirrors, probabilities averaged;
- dense: the whole picture at several scales, whatever its proportions. A network with dense layers on a flattened map
  is applied at every position of its map and its logits are averaged over the positions: Simonyan, Zisserman 2014,
  section 3.2, at shorter sides 256, 384 and 512, with mirrors, probabilities averaged. Others pool the larger map: He
  et al.: Deep residual learning, 2015, at 224, 256, 384, 480 and 640, logits averaged.

Scales are for an input of 224x224; for another input they are in proportion.
"""

import math
from dataclasses import dataclass

import numpy as np

from cnn_bench.data import crops
from cnn_bench.data.preprocessing import Preprocessing, centre
from cnn_bench.errors import UserError

PROBABILITIES, LOGITS = 'probabilities', 'logits'
AVERAGES = (PROBABILITIES, LOGITS)
CROPS = (1, 10, 144)
REFERENCE = 224  # input side that the papers' scales are for
GOOGLENET_SCALES = (256, 288, 320, 352)
VGG_SCALES = (256, 384, 512)
RESNET_SCALES = (224, 256, 384, 480, 640)


@dataclass(frozen=True)
class Asked:
    """What the user says of a protocol. None, or no scales: as the paper did."""

    crops: int = 1  # of CROPS
    dense: bool = False  # the whole picture instead of crops
    scales: tuple[int, ...] = ()  # shorter sides of the resized picture, in pixels
    flip: bool | None = None  # mirrors too
    average: str | None = None  # of AVERAGES
    multiple: int = 1  # dense: the longer side is cut to a multiple of so many pixels


@dataclass(frozen=True)
class Protocol:
    """The views of an image, as a function of it, and how they are averaged. `str` says both."""

    preprocessing: Preprocessing
    crops: int = 1  # 0: the whole picture
    scales: tuple[int, ...] = ()  # empty: one crop, as the preprocessing says
    flip: bool = False
    average: str = PROBABILITIES
    multiple: int = 1

    @property
    def plain(self) -> bool:
        """Whether it is the one crop that training, `predict` and `features` evaluate too."""
        return not self.scales and not self.flip

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, ...]:
        """The views of an image uint8 (h, w, c), without mirrors: for each scale an array uint8 (views, h', w', c)."""
        preprocessing = self.preprocessing
        if not self.scales:
            return (preprocessing.crop(image)[None],)
        return tuple(self._views(preprocessing.resized(image, scale)) for scale in self.scales)

    def _views(self, resized: np.ndarray) -> np.ndarray:
        size = self.preprocessing.size
        if self.crops == 10:
            return crops.five_crops(crops.central_square(resized), size)
        if self.crops == 144:
            return crops.googlenet_crops(resized, size, self.preprocessing.interpolation)
        return centre(resized, size if self.crops else self._cut(resized.shape[:2]))[None]

    def _cut(self, size: tuple[int, int]) -> tuple[int, int]:
        height, width = size
        if height == width:
            return size
        cut = max(size) // self.multiple * self.multiple
        return (cut, width) if height > width else (height, cut)

    def sizes(self, size: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """Height and width of the views of an image of `size` (h, w): images of which they agree can be one batch."""
        if self.crops:
            return (self.preprocessing.size,) * max(len(self.scales), 1)
        return tuple(self._cut(self.preprocessing.resized_size(size, scale)) for scale in self.scales)

    @property
    def work(self) -> int:
        """How many single crops of the network's size it takes as much memory as, at most at a time: an estimate."""
        mirrors = 2 if self.flip else 1
        if not self.crops:
            return math.ceil(mirrors * (max(self.scales) / min(self.preprocessing.size)) ** 2)
        return max(len(self.scales), 1) * mirrors * {1: 1, 10: 5, 144: 18}[self.crops]

    def __str__(self) -> str:
        size = _sides(self.preprocessing.size)
        if self.preprocessing.squash and not self.scales:
            side = self.preprocessing.resize or min(self.preprocessing.size)
            whole = side == min(self.preprocessing.size)
            cut = f'centre crop of {size} from the picture squashed to {side}'
            views = f'whole picture squashed to {size}' if whole else cut
        elif self.crops:
            count = 'centre crop' if self.crops == 1 else f'{self.crops} crops'
            views = f'{count} of {size} from {self._shorter_sides()}'
        else:
            cut = f', longer side cut to a multiple of {self.multiple}' if self.multiple > 1 else ''
            views = f'whole picture at {self._shorter_sides()}{cut}'
        averaged = f', {"softmax" if self.average == PROBABILITIES else "logits"} averaged'
        mirrored = ' and mirrored' if self.flip and self.crops < 10 else ''
        return views + mirrored + (averaged if self.flip or len(self.scales) > 1 else '')

    def _shorter_sides(self) -> str:
        scales = self.scales or (self.preprocessing.resize or min(self.preprocessing.size),)
        return f'shorter side{"s" if len(scales) > 1 else ""} {", ".join(map(str, scales))}'


def resolve(asked: Asked, preprocessing: Preprocessing, flat_head: bool) -> Protocol:
    """The protocol that is asked for, of a network with this preprocessing; where nothing is asked, as the paper did.

    `flat_head`: whether the network has dense layers on a flattened feature map. Raises UserError for what cannot be
    done.
    """
    _check(asked, preprocessing)
    least, many = min(preprocessing.size), asked.crops > 1
    if asked.dense:
        scales = asked.scales or _in_proportion(VGG_SCALES if flat_head else RESNET_SCALES, least)
    elif asked.crops == 144:
        scales = asked.scales or _in_proportion(GOOGLENET_SCALES, least)
    else:
        scales = asked.scales or ((preprocessing.resize or least,) if many else ())
    flip = asked.flip if asked.flip is not None else many or (asked.dense and flat_head)
    average = asked.average or (LOGITS if asked.dense and not flat_head else PROBABILITIES)
    protocol = Protocol(preprocessing, 0 if asked.dense else asked.crops, scales, flip, average, asked.multiple)
    _check_scales(protocol, flat_head)
    if asked.average and not flip and len(scales) < 2:
        raise UserError('eval: --average has nothing to average: there is one view of each image')
    return protocol


def _check(asked: Asked, preprocessing: Preprocessing) -> None:
    """Raise UserError for options that contradict each other or the network's input."""
    if asked.crops > 1 and len(set(preprocessing.size)) > 1:
        size = _sides(preprocessing.size)
        raise UserError(f'eval: --crops {asked.crops} takes squares, but the network takes images of {size}')
    if asked.crops > 1 and asked.flip is False:
        raise UserError(f'eval: half of the {asked.crops} crops are mirrors; --no-flip is for one crop or --dense')
    if asked.multiple > 1 and not asked.dense:
        raise UserError('eval: --cut-to needs --dense; crops all have the same size')


def _check_scales(protocol: Protocol, flat_head: bool) -> None:
    """Raise UserError for scales that leave no room for the views."""
    if not protocol.scales:
        return
    scale, least, size = min(protocol.scales), min(protocol.preprocessing.size), _sides(protocol.preprocessing.size)
    if scale < least and protocol.crops:
        raise UserError(f'eval: there are no crops of {size} in a picture of shorter side {scale}; see --scales')
    if scale == least and protocol.crops == 10:
        raise UserError(
            f'eval: --crops 10 has no room: crops of {size} from a square of {scale}x{scale} are all the same; '
            f'give a larger side, --scales {round(256 / REFERENCE * least)} for example'
        )
    if scale < least and flat_head:
        raise UserError(f'eval: the network has dense layers for {size}; --scales must be at least {least}')
    if protocol.multiple > scale:
        raise UserError(f'eval: --cut-to is {protocol.multiple}; it must be at most the smallest scale, {scale}')


def _in_proportion(scales: tuple[int, ...], side: int) -> tuple[int, ...]:
    return tuple(round(scale * side / REFERENCE) for scale in scales)


def _sides(size: tuple[int, int]) -> str:
    return str(size[0]) if size[0] == size[1] else f'{size[0]}x{size[1]}'
