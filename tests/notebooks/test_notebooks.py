"""The notebooks run from a clean kernel, show what they draw, and lie in git without outputs."""

import ast
import os
import tempfile
from pathlib import Path

import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / 'notebooks').glob('*.ipynb'))
OF_RUNS = [path for path in NOTEBOOKS if 'CNN_BENCH_RESULTS' in path.read_text(encoding='utf-8')]
SECONDS = 120  # for a cell
TRAINS = ('flax', 'optax', 'orbax', 'cnn_bench.training', 'cnn_bench.sweep')

each_notebook = pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == 'code']


@pytest.fixture
def kernel(monkeypatch):
    """This interpreter's own kernel, whatever is installed for the user, with a home of its own and no ports."""
    with tempfile.TemporaryDirectory(prefix='nb') as home:  # tmp_path is too long for a socket
        monkeypatch.setenv('IPYTHONDIR', home)
        monkeypatch.setenv('JUPYTER_RUNTIME_DIR', home)
        monkeypatch.setenv('JAX_PLATFORMS', 'cpu')
        monkeypatch.setenv('CNN_BENCH_RESULTS', str(ROOT / 'results'))  # wherever the package is installed
        own = KernelSpecManager(kernel_dirs=[])
        yield AsyncKernelManager(
            kernel_name='python3', kernel_spec_manager=own, transport='ipc', ip=os.path.join(home, 'kernel')
        )


@pytest.mark.slow
@each_notebook
def test_runs_from_a_clean_kernel(path: Path, kernel, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, km=kernel, timeout=SECONDS, resources={'metadata': {'path': str(tmp_path)}})
    client.execute(cleanup_kc=True)  # ends the kernel too, though it was given
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    assert [output.text for output in outputs if output.get('name') == 'stderr'] == []
    shown = [output.data for output in outputs if 'data' in output]
    assert any('image/png' in data for data in shown)
    figures = [data for data in shown if data.get('text/plain', '').startswith('<Figure')]
    assert all('image/png' in data for data in figures)


@pytest.mark.slow
def test_says_in_a_line_that_there_are_no_logged_runs(kernel, tmp_path, monkeypatch):
    monkeypatch.setenv('CNN_BENCH_RESULTS', str(tmp_path / 'nowhere'))
    notebook = nbformat.read(OF_RUNS[0], as_version=4)
    notebook.cells = code_cells(notebook)[:1]
    with pytest.raises(CellExecutionError) as raised:
        NotebookClient(notebook, km=kernel, timeout=SECONDS).execute(cleanup_kc=True)
    assert raised.value.ename == 'SystemExit'
    assert f'there is no directory {tmp_path}/nowhere' in raised.value.evalue


def test_notebooks_of_runs_stop_alike_where_there_are_none():
    stops = [code_cells(nbformat.read(path, as_version=4))[0].source for path in OF_RUNS]
    assert len(stops) == 4
    assert [stop for stop in stops if 'raise SystemExit(' not in stop] == []


@each_notebook
def test_is_kept_without_outputs(path: Path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert [cell.id for cell in code_cells(notebook) if cell.outputs or cell.execution_count is not None] == []
    assert path.read_text(encoding='utf-8') == nbformat.writes(notebook) + '\n', 'not as nbformat writes it'


@each_notebook
def test_trains_nothing(path: Path):
    imported = set()
    for cell in code_cells(nbformat.read(path, as_version=4)):
        lines = [line for line in cell.source.splitlines() if not line.startswith('%')]
        for node in ast.walk(ast.parse('\n'.join(lines))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported |= {node.module, *(f'{node.module}.{alias.name}' for alias in node.names)}
    assert [name for name in imported for trains in TRAINS if f'{name}.'.startswith(f'{trains}.')] == []


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 5
