"""A split of a data set: random access to its images, or all of them in memory."""

import contextlib
import os
import threading
from collections.abc import Sequence

import numpy as np

from cnn_bench.data import jpeg, labels, locate
from cnn_bench.data.described import CLASSIFICATION, SEGMENTATION
from cnn_bench.data.facts import Info, damaged, read_info
from cnn_bench.data.pictures import decode, with_channels
from cnn_bench.errors import UserError, unknown

_CHUNK = 1_000  # records per read
_OPENING = threading.Lock()  # TFDS imports lazily, and two threads doing so at the same time can deadlock


class Split:
    """Random access to the images of a split, in the order of writing: `len(split)`, and `split[i]`, which is
    {'image': uint8 (h, w, c), 'label': int}; where the set is for segmentation, the label is a mask uint8 (h, w) with a
    class or VOID for each pixel. It can be pickled; the first access opens the files.

    Reading a damaged record raises UserError.
    """

    def __init__(self, info: Info, name: str, data_dir: str | os.PathLike | None = None):
        self.info = info
        self.name = name
        self._data_dir = data_dir
        self._source = None
        self._places = range(info.sizes[name])  # its images, as indices into the records of the set
        self._labels: dict[int, int] | None = None  # stored label -> label; None: the same

    def __len__(self) -> int:
        return len(self._places)

    def sample(self, count: int) -> 'Split':
        """`count` of its images, in their order. Samples are always the same, and larger ones contain smaller ones.

        Raises UserError if it has fewer images.
        """
        if not 0 < count <= len(self):
            raise UserError(f'{self.info.name} has {len(self):,} images in {self.name}, not {count:,}')
        chosen = np.random.default_rng(0).permutation(len(self))[:count]
        return self._part([self._places[place] for place in np.sort(chosen)], self.info, self._labels)

    def hold_out(self, count: int) -> tuple['Split', 'Split']:
        """Two parts: its images without `count` held-out ones, and those, each in their order.

        Each class is held out in proportion to its images, so a balanced split gives as many of each; a class keeps an
        image as long as there are others. Images with masks are one class here. The images are always the same ones,
        and larger counts contain smaller ones. Raises UserError if it does not have more images.
        """
        if not 0 < count < len(self):
            raise UserError(
                f'{count:,} of the {len(self):,} images in {self.name} of {self.info.name} cannot be held out'
            )
        share = np.empty(len(self))
        of_image = self.labels() if self.info.task == CLASSIFICATION else np.zeros(len(self), int)
        drawn = np.random.default_rng(1).permutation(len(self))
        for label in np.unique(of_image):
            of_class = drawn[of_image[drawn] == label]
            share[of_class] = np.arange(1, len(of_class) + 1) / len(of_class)
        held = np.zeros(len(self), bool)
        held[drawn[np.argsort(share[drawn], kind='stable')[:count]]] = True
        places = np.asarray(self._places)
        return tuple(self._part(places[chosen].tolist(), self.info, self._labels) for chosen in (~held, held))

    def labels(self) -> np.ndarray:
        """The labels of all its images, int32 (n,). Reads all records of a set that has no file of labels.

        Raises UserError where its images have masks instead.
        """
        if self.info.task != CLASSIFICATION:
            raise UserError(f'{self.info.name} is for {self.info.task}: its images have masks, not one class each')
        stored = self._stored_labels()
        if stored is not None:
            own = stored[np.asarray(self._places)]
            return np.array([self._labels[label] for label in own.tolist()], np.int32) if self._labels else own
        found = np.empty(len(self), np.int32)
        for start in range(0, len(self), _CHUNK):
            indices = list(range(start, min(start + _CHUNK, len(self))))
            found[indices] = [record['label'] for record in self.encoded(indices)]
        return found

    def _stored_labels(self) -> np.ndarray | None:
        info = self.info
        try:
            return labels.read(info.directory, self.name, info.sizes[self.name])
        except (EOFError, OSError, ValueError) as error:
            raise damaged(
                info.name, info.directory, labels.name(self.name), f'cannot be read: {error}', self._data_dir
            ) from None

    def only(self, classes: tuple[int, ...]) -> 'Split':
        """Its images of `classes`, in their order, with labels 0, 1, ... in the order of `classes`. Reads all labels.

        Raises UserError for an unknown label.
        """
        info, new = self.info.of_classes(classes), {label: number for number, label in enumerate(classes)}
        places = [place for place, label in zip(self._places, self.labels().tolist(), strict=True) if label in new]
        if self._labels:
            new = {stored: new[label] for stored, label in self._labels.items() if label in new}
        return self._part(places, info, new)

    def at(self, indices: Sequence[int]) -> 'Split':
        """Its images at `indices`, in that order."""
        part = self._part([self._places[index] for index in indices], self.info, self._labels)
        part._source = self._source  # files that are open already
        return part

    def _part(self, places: list[int], info: Info, labels: dict[int, int] | None) -> 'Split':
        part = Split(info, self.name, self._data_dir)
        part._places, part._labels = places, labels
        return part

    def __getitem__(self, index: int) -> dict:
        if not 0 <= index < len(self):  # this also ends a `for` over the split
            raise IndexError(f'image {index} of {len(self)}')
        return self.read([index])[0]

    def __getstate__(self) -> dict:
        return self.__dict__ | {'_source': None}

    def __repr__(self) -> str:
        return f'Split({self.info.name}/{self.name}, {len(self)} images)'

    def encoded(self, indices: list[int]) -> list[dict]:
        """The stored records at `indices`: {'image': bytes of the file, 'label': int, or bytes of the mask's}."""
        if self._source is None:
            with _OPENING:
                if self._source is None:
                    self._source = self._open()
        if len(indices) > 1:
            places = [int(self._places[index]) for index in indices]
            with contextlib.suppress(Exception):  # the readers raise all kinds of errors of their C++ code
                return list(map(self._plain, self._source.__getitems__(places)))
        # One by one: a single record needs no threads, and among many this finds the damaged one.
        return [self._one(index) for index in indices]

    def read(self, indices: list[int]) -> list[dict]:
        """The images at `indices`, each as `split[i]` gives it."""
        return [
            {'image': self.decode(index, record['image']), 'label': self._label(index, record['label'])}
            for index, record in zip(indices, self.encoded(indices), strict=True)
        ]

    def _label(self, index: int, stored: int | bytes) -> int | np.ndarray:
        return self.decode_mask(index, stored) if isinstance(stored, bytes) else stored

    def decode_mask(self, index: int, encoded: bytes) -> np.ndarray:
        """The mask, uint8 (h, w), of image `index` from the bytes of its file."""
        mask = self._by_pillow(index, encoded, channels=1)[:, :, 0]
        if self.info.image_shape and mask.shape != self.info.image_shape[:2]:
            raise self._damaged(index, f'the shape of its mask is {mask.shape}')
        return mask

    def decode(self, index: int, encoded: bytes, buffer: jpeg.Buffer | None = None) -> np.ndarray:
        """The pixels, uint8 (h, w, c), of image `index` from the bytes of its file.

        With a `buffer` they may lie in it, and the next image that this thread decodes into it overwrites them.
        """
        pixels = jpeg.decode(encoded, self.info.channels, buffer)
        if pixels is None:
            pixels = self._by_pillow(index, encoded)
        if pixels.shape != (self.info.image_shape or (*pixels.shape[:2], self.info.channels)):
            raise self._damaged(index, f'its shape is {pixels.shape}')
        return pixels

    def _by_pillow(self, index: int, encoded: bytes, channels: int | None = None) -> np.ndarray:
        try:
            pixels = decode(encoded)
        except (OSError, SyntaxError, ValueError) as error:
            raise self._damaged(index, error) from None
        grey = pixels.shape[2] == 1  # a grey JPEG file of a set with colours is stored as it is
        return with_channels(pixels, channels or self.info.channels) if grey else pixels

    def _one(self, index: int) -> dict:
        try:
            return self._plain(self._source[int(self._places[index])])
        except MemoryError:  # says nothing of the files
            raise
        except Exception as error:
            raise self._damaged(index, error) from None

    def _plain(self, record: bytes) -> dict:
        """A stored record, whose form is TensorFlow's Example; TFDS takes three times as long to read it."""
        from tensorflow_datasets.proto import tf_example_pb2

        fields = tf_example_pb2.Example.FromString(record).features.feature
        [image] = fields['image'].bytes_list.value
        if self.info.task == SEGMENTATION:
            [mask] = fields['label'].bytes_list.value
            return {'image': image, 'label': mask}
        [label] = fields['label'].int64_list.value
        return {'image': image, 'label': self._labels[label] if self._labels else label}

    def _open(self):
        import tensorflow_datasets as tfds

        try:
            builder = tfds.builder_from_directory(self.info.directory)
            return builder.as_data_source(self.name, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES)
        except Exception as error:  # of fields that only TFDS reads; it and protobuf raise all kinds
            what = f'cannot be read by TFDS ({_first_line(error)})'
            raise damaged(self.info.name, self.info.directory, '', what, self._data_dir) from None

    def _damaged(self, index: int, error) -> UserError:
        place = int(self._places[index])
        what = f'cannot be read at image {place} of {self.name} ({_first_line(error)})'
        file = self.info.shard_of(self.name, place).file
        return damaged(self.info.name, self.info.directory, file, what, self._data_dir)


def open_split(name: str, split: str, data_dir: str | os.PathLike | None = None) -> Split:
    """The split ('train', 'test', ...) of the data set `name`, read through TFDS. Nothing is downloaded.

    Raises:
      UserError: there is no such set or split, or the set is half-written or damaged.
    """
    directory = locate.find(name, data_dir)
    info = read_info(name, directory, data_dir)
    if split not in info.sizes:
        raise unknown(f'split of {name}', split, info.sizes)
    return Split(info, split, data_dir)


def load_arrays(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """All images of a split in memory, uint8 (n, h, w, c), and their labels, int32 (n,), or masks, int16 (n, h, w).

    Raises:
      UserError: the images have different sizes.
    """
    if split.info.image_shape is None:
        raise UserError(f'{split.info.name}: its images have different sizes and do not fit in one array')
    images = np.empty((len(split), *split.info.image_shape), np.uint8)
    masked = split.info.task == SEGMENTATION
    labels = np.empty(images.shape[:3], np.int16) if masked else np.empty(len(split), np.int32)
    for start in range(0, len(split), _CHUNK):
        indices = list(range(start, min(start + _CHUNK, len(split))))
        for index, record in zip(indices, split.read(indices), strict=True):
            images[index], labels[index] = record['image'], record['label']
    return images, labels


def _first_line(error) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
