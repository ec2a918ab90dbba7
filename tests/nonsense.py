"""Random nonsense for the commands: values of a recipe's fields, and damaged files of runs and of data sets."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnn_bench.recipe.fields import FIELDS

VALUES = (
    '-1',
    '0',
    '1e9',
    '1e400',
    'nan',
    '',
    'None',
    '[]',
    '[1, "x"]',
    'x',
    '9' * 24,
    '(1, 0)',
    'True',
    '-1e308',
    '{}',
)
JSON_VALUES = (
    'null',
    '"x"',
    '""',
    '[]',
    '{}',
    '[1, [2]]',
    '-1',
    '0',
    '1e9',
    '1e400',
    'NaN',
    '9' * 30,
    'true',
    '"\\u0000"',
)
FEATURES = 'features --workdir {run} --dataset tiny --layer c5 --out {out}/f.npz --data-dir {data}'
TRAIN = '--config {lenet5} --data-dir {data} {tiny}'
RUN_COMMANDS = (
    f'train --workdir {{run}} {TRAIN}',
    'eval --workdir {run} --data-dir {data}',
    'predict --workdir {run} {picture} --data-dir {data}',
    FEATURES,
    'retrieve --workdir {run} --dataset tiny --layer c5 --data-dir {data}',
    'runs {tree}',
    'runs {tree} --json',
    'runs export {tree} --to csv --out {out}/r.csv',
    'runs export {tree} --to parquet --metrics --out {out}/r.parquet',
    'runs export {tree} --to logs --predictions --out {out}/logs',
    'ensemble {tree}',
    'ensemble {tree} --from-checkpoints --data-dir {data}',
    'report {tree} --out {out}/report',
)
DATA_COMMANDS = (
    'data list --data-dir {data}',
    'data check tiny --data-dir {data}',
    'eval --workdir {run} --data-dir {data}',
    FEATURES,
    f'train --workdir {{out}}/run {TRAIN}',
)


@dataclass(frozen=True)
class Case:
    """A command, whose words in braces stand for places, and a damage to a file that comes before it."""

    command: str
    extra: tuple[str, ...] = ()  # arguments that stay as they are
    file: str = ''  # relative to the directory of a run or of data
    damage: str = ''  # one of DAMAGES
    seed: int = 0

    def apply(self, root: Path) -> str:
        """Damage the file below `root`, if there is one; return in words what the case is."""
        what = ''
        if self.file:
            path = root / self.file
            content, where = DAMAGES[self.damage](path.read_bytes(), random.Random(self.seed))
            path.write_bytes(content)
            what = f'{self.file} {self.damage} {where} | '
        return f'{what}{self.command} {" ".join(map(repr, self.extra))}'

    def arguments(self, places: dict[str, object]) -> list[str]:
        """The arguments for `main`."""
        return [*self.command.format(**places).split(), *self.extra]


def _cut(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    at = rng.randrange(len(content) + 1)
    return content[:at], f'at {at}'


def _emptied(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    return b'', ''


def _flipped(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    if not content:
        return b'\xff', 'at 0'
    at, bit = rng.randrange(len(content)), 1 << rng.randrange(8)
    return content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :], f'bit {bit} at {at}'


def _nested(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    return b'[' * 10_000 + b']' * 10_000, ''


def _retyped(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Another value of JSON somewhere in it: in one of the lines, where each is JSON of its own."""
    try:
        before, tree, after = b'', json.loads(content), b''
    except ValueError:
        lines = content.splitlines(keepends=True)
        number = rng.randrange(len(lines))
        before, tree, after = b''.join(lines[:number]), json.loads(lines[number]), b'\n' + b''.join(lines[number + 1 :])
    place, value = rng.choice(list(_places(tree, ()))), rng.choice(JSON_VALUES)
    marker = '<here>'
    text = json.dumps(_with(tree, place, marker)).replace(json.dumps(marker), value)
    return before + text.encode() + after, f'{".".join(map(str, place)) or "all"} = {value}'


DAMAGES = {'cut': _cut, 'emptied': _emptied, 'flipped': _flipped, 'nested': _nested, 'retyped': _retyped}


def _places(tree: Any, place: tuple) -> Iterator[tuple]:
    """The paths of all values in a tree of JSON, its own first."""
    yield place
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, value in items:
        yield from _places(value, (*place, name))


def _with(tree: Any, place: tuple, value: Any) -> Any:
    if not place:
        return value
    name, *rest = place
    if isinstance(tree, dict):
        return {key: _with(each, tuple(rest), value) if key == name else each for key, each in tree.items()}
    return [_with(each, tuple(rest), value) if i == name else each for i, each in enumerate(tree)]


def of_fields(rng: random.Random, count: int) -> list[Case]:
    """Fields of a recipe, each set to a value that is nonsense for most of them."""
    every = [(field, value) for field in FIELDS for value in VALUES]
    chosen = rng.sample(every, min(count, len(every)))
    return [Case(f'train --workdir {{out}}/run {TRAIN}', (f'--config.{field}={value}',)) for field, value in chosen]


def of_files(rng: random.Random, count: int, root: Path, commands: tuple) -> list[Case]:
    """Damages to random files below `root`, each with one of the commands."""
    files = sorted(path.relative_to(root) for path in root.rglob('*') if path.is_file() and path.name != '.lock')
    small = [path for path in files if path.suffix in ('.json', '.jsonl')]
    cases = []
    for _ in range(count):
        json_file = bool(rng.getrandbits(1))
        file = rng.choice(small if json_file else files)
        kinds = list(DAMAGES) if file in small else [name for name in DAMAGES if name != 'retyped']
        damage = 'retyped' if json_file and rng.random() < 0.7 else rng.choice(kinds)
        cases.append(Case(rng.choice(commands), (), str(file), damage, rng.getrandbits(32)))
    return cases
