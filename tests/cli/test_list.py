"""`cnn-bench list`: what it prints, and that it stays light."""

import json
import subprocess
import sys

from cnn_bench.cli import main
from cnn_bench.models import registry


def test_table_has_a_line_for_each_architecture(capsys):
    assert main(['list']) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in registry.names():
        assert [line for line in lines if line.split()[:1] == [name]], name
    resnet50 = next(line for line in lines if line.split()[:1] == ['resnet50'])
    assert resnet50.split('\t')[1:7] == ['resnet', '2015', '[224, 224, 3]', '1000', '25557032', '4089184256']


def test_one_family(capsys):
    assert main(['list', '--family', 'lenet', '--json']) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert second['arch'] == 'lenet5_1998'
    assert first == {
        'arch': 'lenet5',
        'family': 'lenet',
        'year': 1998,
        'input_shape': [32, 32, 1],
        'num_classes': 10,
        'params': 61_706,
        'macs': 416_520,
        'fused_params': None,
        'fused_macs': None,
        'note': registry.get('lenet5').note,
    }


def test_json_lists_all(capsys):
    assert main(['list', '--json']) == 0
    assert [record['arch'] for record in json.loads(capsys.readouterr().out)] == registry.names()


def test_unknown_family_is_one_line_and_status_2(capsys):
    assert main(['list', '--family', 'resnets']) == 2
    printed = capsys.readouterr()
    assert printed.out == ''
    assert printed.err.startswith("cnn-bench: error: unknown family 'resnets'; did you mean resnet")
    assert printed.err.count('\n') == 1


def test_listing_imports_no_jax_and_is_quick():
    code = (
        'import sys, time\n'
        'from cnn_bench.cli import main\n'
        "main(['list'])\n"
        'heavy = {"jax", "jaxlib", "flax", "numpy", "pandas", "matplotlib"} & set(sys.modules)\n'
        'print(sorted(heavy), time.process_time(), file=sys.stderr)'
    )
    ran = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    heavy, seconds = ran.stderr.rsplit(maxsplit=1)
    assert heavy == '[]'
    assert float(seconds) < 1
