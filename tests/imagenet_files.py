"""Mock archives in the forms in which ImageNet, Tiny ImageNet and ImageNet-V2 are handed out."""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

TENCH, HEN, CAR = 'n01440764', 'n01514859', 'n02701002'  # the 1st, the 9th and the 408th of ImageNet's classes
NAMES = ('tench', 'hen', 'ambulance')
# ILSVRC's own numbers, in another order than the ids, and a synset that is no class, as meta.mat has many
NUMBERS = {1: (HEN, 'hen'), 2: (CAR, 'ambulance'), 3: (TENCH, 'tench, Tinca tinca'), 4: ('n00001740', 'entity')}
TRAIN = {CAR: (0, 1), TENCH: (2, 3, 4), HEN: (5,)}  # class -> numbers of its pictures, as they lie in the archive
VAL = (CAR, TENCH, TENCH, HEN)  # classes of pictures 100, 101, ...


def pixels(number: int, height: int = 20, width: int = 24) -> np.ndarray:
    """uint8 (height, width, 3): a smooth picture that its mean tells from others."""
    row, column = np.mgrid[:height, :width]
    return (np.stack([3 * row, 4 * column, row + column], axis=-1) + number).astype(np.uint8)


def encode(image: np.ndarray | Image.Image, kind: str = 'JPEG', **options) -> bytes:
    """The file of a picture."""
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, kind, **options)
    return buffer.getvalue()


def train_files(classes: Mapping[str, tuple[int, ...]] = TRAIN) -> dict[str, bytes]:
    """'CLASS/CLASS_NUMBER.JPEG' -> content."""
    return {f'{id_}/{id_}_{n}.JPEG': encode(pixels(n)) for id_, numbers in classes.items() for n in numbers}


def val_files(count: int = len(VAL)) -> dict[str, bytes]:
    """'ILSVRC2012_val_00000001.JPEG' -> content."""
    return {f'ILSVRC2012_val_{n + 1:08d}.JPEG': encode(pixels(100 + n)) for n in range(count)}


def tar(files: Mapping[str, bytes], mode: str = 'w') -> bytes:
    """A tar archive, with entries for folders too."""
    buffer, folders = io.BytesIO(), set()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in files.items():
            for folder in reversed(Path(name).parents[:-1]):
                if folder not in folders:
                    folders.add(folder)
                    member = tarfile.TarInfo(f'{folder}/')
                    member.type = tarfile.DIRTYPE
                    archive.addfile(member)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def tar_of_tars(files: Mapping[str, bytes]) -> bytes:
    """ILSVRC2012_img_train.tar: a tar for each class, whose files lie in no folder."""
    classes: dict[str, dict[str, bytes]] = {}
    for name, content in files.items():
        folder, _, file = name.partition('/')
        classes.setdefault(folder, {})[file] = content
    return tar({f'{id_}.tar': tar(inner) for id_, inner in classes.items()})


def devkit(labels: tuple[str, ...] = VAL, numbers: Mapping[int, tuple[str, str]] = NUMBERS) -> dict[str, bytes]:
    """The files of the development kit that are read, and one that is not."""
    rows = [
        (number, id_, words, 'a gloss', 0 if number < 4 else 3, np.zeros(0), 0, 0)
        for number, (id_, words) in numbers.items()
    ]
    fields = ('ILSVRC2012_ID', 'WNID', 'words', 'gloss', 'num_children', 'children', 'wordnet_height', 'num_train')
    buffer = io.BytesIO()
    savemat(buffer, {'synsets': np.array(rows, [(field, object) for field in fields]).reshape(-1, 1)})
    number_of = {id_: number for number, (id_, _) in numbers.items()}
    truth = ''.join(f'{number_of[label]}\n' for label in labels)
    return {
        'ILSVRC2012_devkit_t12/readme.txt': b'Development kit',
        'ILSVRC2012_devkit_t12/data/meta.mat': buffer.getvalue(),
        'ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt': truth.encode(),
    }


def solution(labels: tuple[str, ...] = VAL) -> bytes:
    """Kaggle's LOC_val_solution.csv, whose rows are in no order."""
    rows = [f'ILSVRC2012_val_{n:08d},{id_} 1 2 30 40 {id_} 5 6 7 8 ' for n, id_ in enumerate(labels, 1)]
    return '\n'.join(['ImageId,PredictionString', *reversed(rows), '']).encode()


def write(directory: Path, files: Mapping[str, bytes]) -> Path:
    """The files below `directory`."""
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return directory


def ilsvrc(directory: Path) -> Path:
    """A directory with the three files of image-net.org."""
    return write(
        directory,
        {
            'ILSVRC2012_img_train.tar': tar_of_tars(train_files()),
            'ILSVRC2012_img_val.tar': tar(val_files()),
            'ILSVRC2012_devkit_t12.tar.gz': tar(devkit(), 'w:gz'),
        },
    )


def kaggle(directory: Path) -> Path:
    """The directory that Kaggle's archive unpacks to."""
    below = 'ILSVRC/Data/CLS-LOC'
    mapping = '\n'.join(f'{id_} {words}' for id_, words in NUMBERS.values())
    return write(
        directory,
        {
            **{f'{below}/train/{name}': content for name, content in train_files().items()},
            **{f'{below}/val/{name}': content for name, content in val_files().items()},
            f'{below}/test/ILSVRC2012_test_00000001.JPEG': encode(pixels(9)),
            'LOC_val_solution.csv': solution(),
            'LOC_synset_mapping.txt': mapping.encode(),
        },
    )


def tiny_imagenet() -> dict[str, bytes]:
    """The files of Tiny ImageNet with three classes, one of which ImageNet has not."""
    other = 'n09999999'
    files = {
        'wnids.txt': f'{CAR}\n{other}\n{TENCH}\n'.encode(),
        'words.txt': f'{other}\tghost, spectre\n{TENCH}\ttench, Tinca tinca\n{CAR}\tambulance'.encode(),
        'val/val_annotations.txt': f'val_0.JPEG\t{TENCH}\t0\t0\t9\t9\nval_1.JPEG\t{other}\t0\t0\t9\t9\n'.encode(),
        'test/images/test_0.JPEG': encode(pixels(0, 64, 64)),
    }
    for number, id_ in enumerate((CAR, other, TENCH, TENCH)):
        files[f'train/{id_}/images/{id_}_{number}.JPEG'] = encode(pixels(number, 64, 64))
        files[f'train/{id_}/{id_}_boxes.txt'] = b'boxes'
    for number in range(2):
        files[f'val/images/val_{number}.JPEG'] = encode(pixels(100 + number, 64, 64))
    return {f'tiny-imagenet-200/{name}': content for name, content in files.items()}


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A .zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w') as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()
