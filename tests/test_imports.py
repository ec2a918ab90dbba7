"""The layout that README.md shows is the layout of the code, and every import inside the package runs downward."""

import ast
import re
from pathlib import Path

import pytest

import cnn_bench

PACKAGE = Path(cnn_bench.__file__).parent
LAYOUT = (PACKAGE.parent / 'README.md').read_text().partition('## How the code is laid out')[2].partition('\n## ')[0]


def _floors() -> list[set[str]]:
    """The rooms on each line of README's picture, from the ground up."""
    picture = LAYOUT.partition('```\n')[2].partition('\n```')[0]
    lines = [re.split(r' {3,}', line)[0].split() for line in picture.splitlines() if not line.startswith(' ')]
    return [set(rooms) for rooms in reversed(lines)]


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix('.py')


def _imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == 'cnn_bench':
            rooms |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or '').startswith('cnn_bench.'):
            rooms.add(node.module.split('.')[1])
        elif isinstance(node, ast.Import):
            rooms |= {alias.name.split('.')[1] for alias in node.names if alias.name.startswith('cnn_bench.')}
    return rooms - {'__version__'}


def test_no_import_runs_upward():
    floor = {room: number for number, rooms in enumerate(_floors()) for room in rooms}
    upward = [
        f'{path.relative_to(PACKAGE)} imports {room}'
        for path in sorted(PACKAGE.rglob('*.py'))
        if _room(path) not in ('__init__', '__main__')
        for room in _imported_rooms(path)
        if room != _room(path) and floor[room] >= floor[_room(path)]
    ]
    assert upward == []


def test_the_picture_shows_every_room_once():
    shown = [room for rooms in _floors() for room in rooms]
    assert len(shown) > 12
    assert sorted(shown) == sorted({_room(path) for path in PACKAGE.rglob('*.py')} - {'__init__', '__main__'})


@pytest.mark.parametrize(
    'path', sorted(set(re.findall(r'`(\w+/[\w/]*(?:\.py)?)`', LAYOUT)) - {'tests/test_imports.py'})
)
def test_the_files_that_the_text_names_exist(path):
    assert (PACKAGE / path).exists() or (PACKAGE.parent / path).exists()
