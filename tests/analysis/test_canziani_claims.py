"""Claims against made-up rows whose truth is known."""

import numpy as np
import pytest
from measured_rows import NETWORKS, row, write
from scipy import stats as scipy_stats

from cnn_bench.analysis import published
from cnn_bench.analysis.canziani import claims, data
from cnn_bench.analysis.canziani.claims import FAILS, HOLDS, NOT_HERE, UNDECIDED
from cnn_bench.models import registry

TOP1 = 100 - published.table().drop_duplicates('arch').set_index('arch').top1_err_pct  # of the oldest training


def read(tmp_path, rows):
    return data.read(write(tmp_path / 'rows', rows))


def gops(arch):
    return 2 * registry.get(arch).macs / 1e9


def test_time_proportional_to_operations_is_predicted(tmp_path):
    rows = [row(arch, batch, ms_per_image=3 * gops(arch)) for arch in NETWORKS for batch in (1, 16)]
    found = claims.operations_predict_time(read(tmp_path, rows))
    assert found.verdict == HOLDS
    assert found.networks == len(NETWORKS)
    for batch in ('batch_1', 'batch_16'):
        for r2 in ('r2', 'r2_of_logarithms'):
            assert list(found.numbers[batch][r2].values()) == pytest.approx([1, 1, 1])


def test_time_that_has_nothing_to_do_with_operations_is_not(tmp_path):
    by_operations = sorted(NETWORKS, key=gops)
    times = [5.0 if place % 2 else 300.0 for place in range(len(NETWORKS))]
    rows = [row(arch, 1, ms_per_image=ms) for arch, ms in zip(by_operations, times, strict=True)]
    found = claims.operations_predict_time(read(tmp_path, rows))
    expected = scipy_stats.linregress([gops(arch) for arch in by_operations], times).rvalue ** 2
    assert found.numbers['batch_1']['r2']['value'] == pytest.approx(expected)
    assert found.verdict == FAILS
    assert 'no network at batch 16' in found.says


def test_a_claim_needs_five_networks(tmp_path):
    found = read(tmp_path, [row(arch, batch) for arch in NETWORKS[:4] for batch in (1, 16)])
    for claim in claims.judge(found):
        assert claim.verdict == NOT_HERE
        assert claim.numbers == {}
    assert '4 networks at batch 1, fewer than 5' in claims.memory_is_affine(found).says


@pytest.mark.parametrize(
    ('power', 'verdict'),
    [
        (lambda place, batch: 11.0, HOLDS),
        (lambda place, batch: 11.0 + 0.05 * place, HOLDS),
        (lambda place, batch: 11.0 + 5 * (batch == 16), FAILS),  # by batch
        (lambda place, batch: 8.0 + 2 * place, FAILS),  # by architecture
        (lambda place, batch: 11.0 * (1 + 0.11 * (-1) ** place), UNDECIDED),  # about as much as counts as none
    ],
)
def test_power(tmp_path, power, verdict):
    rows = [
        row(arch, batch, power_w=power(place, batch)) for place, arch in enumerate(NETWORKS) for batch in (1, 4, 16)
    ]
    found = claims.power_is_constant(read(tmp_path, rows))
    assert found.verdict == verdict
    means = [np.mean([power(place, batch) for batch in (1, 4, 16)]) for place in range(len(NETWORKS))]
    expected = np.std(means, ddof=1) / np.mean(means)
    assert found.numbers['variation_over_networks']['value'] == pytest.approx(expected, abs=1e-12)


def test_power_is_compared_at_the_batches_that_networks_have_in_common(tmp_path):
    rows = [row(arch, batch, power_w=10.0 + batch) for arch in NETWORKS for batch in (1, 2)]
    rows += [row('vgg16', 64, power_w=500.0)]
    found = claims.power_is_constant(read(tmp_path, rows))
    assert found.numbers['change_with_batch']['value'] == pytest.approx(1 / 11)
    assert found.numbers['variation_over_networks']['value'] == pytest.approx(0)


def test_without_a_sensor_power_cannot_be_judged(tmp_path):
    found = claims.power_is_constant(read(tmp_path, [row(arch, b) for arch in NETWORKS for b in (1, 16)]))
    assert (found.verdict, found.numbers) == (NOT_HERE, {})
    assert 'no power sensor on this device' in found.says


@pytest.mark.parametrize(
    ('time_at', 'verdict'),
    [
        (lambda top1: 30 / (top1 - 50), HOLDS),  # top1 = 50 + 30 / t
        (lambda top1: 5 * (top1 - 50), FAILS),  # a straight line
        (lambda top1: np.exp((top1 - 50) / 8), FAILS),  # a line in log time
    ],
)
def test_the_form_of_accuracy_against_time(tmp_path, time_at, verdict):
    known = [arch for arch in NETWORKS if arch in TOP1]
    rng = np.random.default_rng(1)
    rows = [row(arch, b, ms_per_image=time_at(TOP1[arch] + rng.normal(0, 0.1))) for arch in known for b in (1, 16)]
    found = claims.accuracy_is_hyperbolic(read(tmp_path, rows))
    assert found.verdict == verdict
    assert found.networks == len(known) == 13  # ENet has no published accuracy
    errors = found.numbers['batch_1']['leave_one_out_rmse']
    assert (min(errors, key=errors.get) == claims.HYPERBOLA) == (verdict == HOLDS)


@pytest.mark.parametrize(('slope', 'verdict'), [(1.3, HOLDS), (1.4, HOLDS), (1.0, FAILS), (2.0, FAILS)])
def test_memory_with_an_exact_slope(tmp_path, slope, verdict):
    rows = [
        row(arch, memory_planned_bytes=200 * 2**20 + slope * 4 * registry.get(arch).params) for arch in NETWORKS
    ]  # fmt: skip
    found = claims.memory_is_affine(read(tmp_path, rows))
    assert found.verdict == verdict
    assert list(found.numbers['slope'].values()) == pytest.approx([slope] * 3)
    assert list(found.numbers['floor_mib'].values()) == pytest.approx([200] * 3)
    assert found.numbers['r2']['value'] == pytest.approx(1)


def test_an_interval_across_the_bound_decides_nothing(tmp_path):
    rng = np.random.default_rng(3)
    rows = [
        row(arch, memory_planned_bytes=2e8 + 1.43 * 4 * registry.get(arch).params + rng.normal(0, 3e7))
        for arch in NETWORKS
    ]
    found = claims.memory_is_affine(read(tmp_path, rows))
    assert found.numbers['slope']['low'] < claims.SLOPE + claims.NEAR < found.numbers['slope']['high']
    assert found.verdict == UNDECIDED
