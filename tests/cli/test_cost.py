"""`cnn-bench cost`, end to end."""

import csv
import io
import json
import subprocess
import sys

import pytest

from cnn_bench.cli import main

# Parameters and multiply-adds at 1000 classes (lenet5: 10); lenet5's are the lecture's table by hand:
# 28x28x6x25 + 10x10x16x150 + 120x400 + 84x120 + 10x84.
PINS = {
    'resnet50': (25_557_032, 4_089_184_256),
    'vgg16': (138_357_544, 15_470_264_320),
    'alexnet': (60_965_224, 724_406_816),
    'googlenet': (6_998_552, 1_582_671_872),
    'lenet5': (61_706, 416_520),
}


def cost(capsys, *argv):
    assert main(['cost', *argv]) == 0
    return capsys.readouterr().out


def cost_json(capsys, *argv):
    return json.loads(cost(capsys, *argv, '--json'))


def test_the_pins(capsys):
    records = cost_json(capsys, *PINS)
    assert {r['arch']: (r['params'], r['macs']) for r in records} == PINS
    for record in records:
        assert record['flops'] == 2 * record['macs']
        assert record['param_bytes'] == 4 * record['params']
        assert 'layers' not in record
        assert 'train_macs' not in record
    assert records[0]['input_shape'] == [1, 224, 224, 3]
    assert [r['num_classes'] for r in records] == [1000] * 4 + [10]


def test_the_inception_modules(capsys):
    naive, reduced = cost_json(capsys, 'inception_module_naive', 'inception_module_reduced', '--train')
    assert naive['macs'] == 854_196_224
    assert reduced['macs'] == 271_351_808
    assert naive['train_macs'] == 2 * naive['macs']  # every convolution there sees the input itself


def test_layers_sum_to_the_totals(capsys):
    (record,) = cost_json(capsys, 'resnet20', '--layers', '--train')
    for rows, totals in ((record['layers'], ''), (record['train_layers'], 'train_')):
        for column in ('params', 'macs'):
            assert sum(row[column] for row in rows) == record[totals + column]
    assert sum(row['activation_bytes'] for row in record['layers']) == record['activation_bytes']
    first = record['layers'][0]
    assert (first['op'], first['output_shape'], first['params']) == ('conv', [1, 32, 32, 16], 432)
    assert first['path'].startswith('stem')
    assert record['layers'][-1]['op'] == 'dense'
    assert 2 * record['macs'] < record['train_macs'] < 3 * record['macs']
    assert record['train_residual_bytes'] > record['activation_bytes']


def test_layers_of_grouped_convolutions_are_whole(capsys):
    (record,) = cost_json(capsys, 'alexnet', '--layers')
    convs = [row for row in record['layers'] if row['op'] == 'conv']
    assert [row['output_shape'][-1] for row in convs] == [96, 256, 384, 384, 256]
    assert sum(row['params'] for row in convs) == 2_334_080
    assert all(row['activation_bytes'] == 4 * _size(row['output_shape']) for row in convs)


def test_receptive_fields_of_layers(capsys):
    options = ['vgg16', '--layers', '--receptive-field']
    (record,) = cost_json(capsys, *options)
    fields = {row['path']: row['receptive_field'] for row in record['layers'] if row['op'] == 'conv'}
    assert (fields['stage1/conv1/conv'], fields['stage5/conv3/conv']) == ([3, 3], [196, 196])
    assert record['layers'][-1]['receptive_field'] == 'image'
    assert next(row['receptive_field'] for row in record['layers'] if row['op'] == 'elementwise') is None
    rows = list(csv.DictReader(io.StringIO(cost(capsys, *options)), delimiter='\t'))
    assert [row['receptive_field'] for row in rows if row['path'] == 'stage5/conv3/conv'] == ['[196, 196]']
    rows = list(csv.DictReader(io.StringIO(cost(capsys, *options, '--csv', '--train'))))
    assert [row['receptive_field'] for row in rows if row['path'] == 'stage5/conv3/conv'] == ['196x196', '']


def _size(shape):
    size = 1
    for n in shape:
        size *= n
    return size


def test_shape_options(capsys):
    options = ['--size', '28', '--channels', '1', '--classes', '7', '--stem', 'small', '--width', '0.5']
    (record,) = cost_json(capsys, 'resnet18', *options, '--batch', '4')
    assert record['input_shape'] == [4, 28, 28, 1]
    assert record['num_classes'] == 7
    (whole,) = cost_json(capsys, 'resnet18', *options[:-1], '1', '--batch', '1')
    assert record['params'] < whole['params'] / 3
    assert record['macs'] < 4 * whole['macs'] / 3


def test_both_forms_of_a_network_of_branches(capsys):
    """Vasu et al. 2022: 2.1 million parameters and 275 million multiply-adds; timm: 5.29 million in training."""
    *forms, resnet20 = cost_json(capsys, 'mobileone_s0', 'resnet20', '--layers')
    assert [(r['arch'], r['form'], r['params'], r['macs']) for r in forms] == [
        ('mobileone_s0', 'trained', 5_293_272, 1_051_935_232),
        ('mobileone_s0', 'fused', 2_078_504, 275_110_400),
    ]
    assert resnet20['form'] is None
    assert [sum(row['macs'] for row in r['layers']) for r in forms] == [r['macs'] for r in forms]
    rows = cost(capsys, 'mobileone_s0', 'resnet20', '--columns', 'arch,form,macs').splitlines()[1:]
    assert [row.split('\t')[1] for row in rows] == ['trained', 'fused', '']
    rows = list(csv.DictReader(io.StringIO(cost(capsys, 'mobileone_s0', 'resnet20', '--csv', '--train'))))
    assert [(row['form'], bool(row['train_macs'])) for row in rows] == [
        ('trained', True),
        ('fused', False),
        ('', True),
    ]


def test_the_line_of_an_own_network_of_branches(tmp_path, capsys):
    """A 3x3 from 3 to 4 channels on 8x8 pixels beside a 1x1: 27 x 4 + 3 x 4 and two norms, or 27 x 4 + 4 when fused."""
    path = tmp_path / 'mine.py'
    path.write_text(OWN_BRANCHES)
    trained, fused = cost_json(capsys, f'{path}:Mine', '--size', '8', '--classes', '5')
    head = 4 * 5 + 5
    assert (trained['params'], fused['params']) == (120 + 16 + head, 112 + head)
    assert 'registry_line' not in fused
    assert f'params={136 + head}, macs={120 * 64 + 20:_}, ' in trained['registry_line']
    assert f'fused_params={112 + head}, fused_macs={108 * 64 + 20:_}' in trained['registry_line']


OWN_BRANCHES = """
from flax import linen as nn
from cnn_bench.models.branches import Branched

class Mine(Branched):
    @nn.compact
    def features(self, x, train=False):
        return self.rep_block(train)(4, 3, name='block')(x)
"""


def test_csv(capsys):
    rows = list(csv.DictReader(io.StringIO(cost(capsys, 'lenet5', 'resnet20', '--csv'))))
    assert [row['arch'] for row in rows] == ['lenet5', 'resnet20']
    assert (rows[0]['macs'], rows[0]['input_shape']) == ('416520', '1x32x32x1')


def test_csv_of_layers(capsys):
    rows = list(csv.DictReader(io.StringIO(cost(capsys, 'lenet5', 'resnet20', '--csv', '--layers'))))
    assert {row['arch'] for row in rows} == {'lenet5', 'resnet20'}
    assert sum(int(row['macs']) for row in rows if row['arch'] == 'lenet5') == 416_520


def test_markdown(capsys):
    header, line, row = cost(capsys, 'lenet5', '--markdown').splitlines()
    assert header == '| arch | input | classes | parameters | MACs | weights (MiB) | activations (MiB) |'
    assert set(line) == set('| -:')
    assert row.startswith('| lenet5 | 1x32x32x1 | 10 | 61,706 | 416,520 | 0.235 | ')


def test_layers_of_a_training_step_in_a_pipe(capsys):
    rows = list(csv.DictReader(io.StringIO(cost(capsys, 'lenet5', '--layers', '--train')), delimiter='\t'))
    assert {row['counted'] for row in rows} == {'forward', 'training step'}
    assert sum(int(row['macs']) for row in rows if row['counted'] == 'forward') == 416_520


def test_no_label_says_flops_for_a_mac_count(capsys):
    for form in ([], ['--markdown']):
        assert 'flop' not in cost(capsys, 'lenet5', '--layers', '--train', *form).lower()


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        ([], 'give the names of architectures, or --all'),
        (['lenet5', '--all'], 'give the names of architectures, or --all'),
        (['resnet5o'], "unknown architecture 'resnet5o'; did you mean"),
        (['lenet5', 'resnet5o'], ' resnet50'),
        (['lenet5', '--size', '0'], "argument --size: '0' is not a whole number, at least 1"),
        (['lenet5', '--batch', '0'], "argument --batch: '0' is not a whole number, at least 1"),
        (['lenet5', '--classes', '-1'], "argument --classes: '-1' is not a whole number, at least 1"),
        (['lenet5', '--channels', '0'], "argument --channels: '0' is not a whole number, at least 1"),
        (['lenet5', '--width', 'nan'], "argument --width: 'nan' is not a number above 0"),
        (['lenet5', '--batch', 'many'], "argument --batch: 'many' is not a whole number"),
        (['vgg16', '--size', '16'], 'vgg16: '),
        (['resnet18', '--stem', 'tiny'], 'resnet18: '),
        (['lenet5', '--json', '--csv'], 'not allowed with'),
        (['lenet5', '--receptive-field'], '--receptive-field is a column of --layers'),
    ],
)
def test_bad_input_is_one_line(capsys, argv, message):
    assert main(['cost', *argv]) == 2
    out, err = capsys.readouterr()
    assert out == ''
    assert err.startswith('cnn-bench: error: ')
    assert err.count('\n') == 1
    assert message in err


def test_help_imports_no_jax():
    code = (
        'import sys; from cnn_bench.cli import main\n'
        'try: main(["cost", "--help"])\n'
        'except SystemExit: sys.exit("jax" in sys.modules)'
    )
    assert subprocess.run([sys.executable, '-c', code], stdout=subprocess.DEVNULL).returncode == 0
