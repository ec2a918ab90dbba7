"""All claims: recomputed, differences explained, and none that holds whatever the networks are."""

import dataclasses
import re
from pathlib import Path

import pytest

from cnn_bench.errors import UserError
from cnn_bench.lecture.claims import all_claims, check, check_all, summary, unexplained
from cnn_bench.lecture.claims.claim import NONE_YET, numbers, parse_figure
from cnn_bench.models import layers, registry

REPOSITORY = Path(__file__).parents[2]
BUILD = registry.build
CLAIMS = {claim.id: claim for claim in all_claims()}
RECOMPUTED = [claim for claim in CLAIMS.values() if claim.recompute]


@pytest.fixture(scope='module')
def checked():
    """Every claim by id, checked against the networks as they are, all topics together."""
    return {one.claim.id: one for topic in check_all() for one in topic}


def test_ids_are_unique():
    assert len(CLAIMS) == len(all_claims())


def test_most_claims_are_recomputed():
    assert len(RECOMPUTED) >= 150


def test_each_claim_says_what_it_is():
    for claim in CLAIMS.values():
        assert claim.text, claim.id
        assert claim.source, claim.id
        assert bool(claim.how) == bool(claim.recompute), claim.id
        assert not (claim.recompute and claim.tested_by), claim.id
        assert not (claim.why and not claim.recompute), claim.id


def test_every_printed_figure_can_be_read():
    for claim in CLAIMS.values():
        for figure in numbers(claim.expected):
            assert isinstance(figure, int) or parse_figure(figure), claim.id


def test_tests_by_training_exist():
    for claim in CLAIMS.values():
        if claim.tested_by not in ('', NONE_YET):
            assert (REPOSITORY / claim.tested_by.split()[0]).is_file(), claim.id


def test_all_topics_together_give_what_each_claim_gives(checked):
    assert list(checked) == list(CLAIMS)
    for name in list(CLAIMS)[::10]:  # those beside them are known by what they claim
        assert checked[name].record() == check(CLAIMS[name]).record()


def test_every_difference_is_explained_and_every_explained_one_differs(checked):
    assert unexplained(checked.values()) == []


# Worked out by hand, from the sources and from known facts, not from the claims.
KNOWN = {
    'memory.multiplications': (225_000_000, 'holds'),
    'memory.bytes': (12_000_000, 'holds rounded'),
    'inception_module_naive.total': (854_196_224, 'holds rounded'),
    'inception_module_reduced.total': (271_351_808, 'differs'),
    'inception_module_reduced.total_with_3x3_twice': (271_351_808 + 28 * 28 * 192 * 9 * 64, 'holds rounded'),
    'alexnet.c1_same': (56, 'differs'),
    'alexnet.table_parameters': (
        sum(
            outputs * (inputs + 1)
            for outputs, inputs in (
                (96, 3 * 121),
                (256, 96 * 25),
                (384, 256 * 9),
                (384, 384 * 9),
                (256, 384 * 9),
                (4096, 13 * 13 * 256),
                (4096, 4096),
                (1000, 4096),
            )
        ),
        'differs',
    ),
    'alexnet.neurons': (55 * 55 * 96 + 27 * 27 * 256 + 13 * 13 * (384 + 384 + 256) + 4096 * 2 + 1000, 'differs'),
    'googlenet.layers': (2 + 1 + 9 * 2 + 1, 'holds'),
    'googlenet.parameters_without_fc': (6_998_552 - 1_025_000, 'holds rounded'),
    'resnet152.layers': (1 + 3 * (3 + 8 + 36 + 3) + 1, 'holds'),
    'resnet50.operations': (3_857_973_248, 'differs'),
    'xception.parameters': (22_855_952, 'holds'),
    'lenet5_1998.connections': (340_908, 'holds'),
    'pooling.dropped': (75.0, 'holds'),
    'plain56.parameters': (0, 'holds'),
    'alexnet.top5': (None, 'needs training'),
    'gbdnet.top5': (None, 'published elsewhere'),
}


@pytest.mark.parametrize('name', KNOWN)
def test_known_results(checked, name):
    assert (checked[name].computed, checked[name].verdict) == KNOWN[name]


def test_misprints_of_the_cross_map(checked):
    one = checked['cross.matches_cross']
    pairs = zip(numbers(one.claim.expected), numbers(one.computed), strict=True)
    ninths = [(printed, round(9 * match)) for printed, match in pairs]
    misprints = [(printed, n) for printed, n in ninths if int(100 * n / 9) != round(100 * float(printed))]
    assert misprints == [('0.39', 3), ('0.39', 3), ('0.33', 1)]


def test_summary_counts_all(checked):
    text = summary(checked.values())
    total, *parts = map(int, re.findall(r'\d+', text))
    assert total == sum(parts) == len(checked)


# --- No claim about a network holds by assertion: a changed network changes the recomputed value.


def _fields(name, **fields):
    """Those of `fields` that the network has."""
    allowed = {field.name for field in dataclasses.fields(BUILD(name))}
    return {key: value for key, value in fields.items() if key in allowed}


def smaller(name, **fields):
    """Half as wide, and with one block a stage."""
    depths = (1,) * len(getattr(BUILD(name), 'depths', ()))
    width = fields.pop('width', 1.0) / 2
    return BUILD(name, width=width, **_fields(name, depths=depths, middle=1), **fields)


def otherwise(name, **fields):
    """Other layers: no norm, another initialiser, activation, pooling, dropout. Plain networks are narrower."""
    changed = _fields(name, norm=layers.no_norm, kernel_init=layers.INITS['lecun'], dropout=0.25, act=layers.nn.silu)
    changed |= {'pool': layers.max_pool} if name == 'lenet5' else {}
    changed |= {'width': 0.5} if name.startswith('plain') else {}
    return BUILD(name, **{**changed, **fields})


def another(name, **fields):
    """Another network, with another number of classes."""
    others = {
        'lenet5': 'lenet5_1998',
        'fashion_cnn': 'lenet5',
        'alexnet': 'vgg11',
        'googlenet': 'vgg11',
        'inception_module_naive': 'googlenet',
    }
    return BUILD(others[name], num_classes=7) if name in others else BUILD(name, **fields)


class _Calls(list):
    """The names of the networks that were built."""

    def __call__(self, name, **fields):
        self.append(name)
        return BUILD(name, **fields)


def _rest_on_networks(monkeypatch):
    calls, found = _Calls(), []
    monkeypatch.setattr(registry, 'build', calls)
    for claim in RECOMPUTED:
        calls.clear()
        claim.recompute()
        if calls:
            found.append(claim)
    return found


@pytest.mark.slow
def test_no_claim_on_a_network_holds_by_assertion(checked, monkeypatch):
    left = _rest_on_networks(monkeypatch)
    assert len(left) > 120
    for build in (smaller, otherwise, another):
        monkeypatch.setattr(registry, 'build', build)
        left = [claim for claim in left if _outcome(claim) == (checked[claim.id].computed, checked[claim.id].verdict)]
    assert [claim.id for claim in left] == []


def _outcome(claim):
    try:
        one = check(claim)
    except (KeyError, IndexError, StopIteration, UserError):  # the layer is gone, or the image is too small
        return None
    return one.computed, one.verdict
