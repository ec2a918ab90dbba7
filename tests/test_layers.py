"""Who may import whom: every import inside the package runs downward."""

import ast
from pathlib import Path

import cnn_bench

PACKAGE = Path(cnn_bench.__file__).parent
# From the ground up. A room may import rooms of lower floors, and itself.
FLOORS = [
    {'errors', 'digest'},
    {'python_file', 'files'},
    {'models', 'complexity', 'data', 'stats', 'runs', 'recipe', 'runtime'},
    {'trained', 'claims'},
    {'pretrained', 'training'},
    {'measure', 'sweep', 'report', 'inference'},
    {'cli'},
    {'__main__'},
]


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
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    upward = [
        f'{path.relative_to(PACKAGE)} imports {room}'
        for path in sorted(PACKAGE.rglob('*.py'))
        if _room(path) != '__init__'
        for room in _imported_rooms(path)
        if room != _room(path) and floor[room] >= floor[_room(path)]
    ]
    assert upward == []


def test_every_room_has_a_floor():
    rooms = {_room(path) for path in PACKAGE.rglob('*.py')} - {'__init__'}
    assert rooms <= set.union(*FLOORS)
