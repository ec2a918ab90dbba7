"""Runs that learned nothing, told from runs that learned little; the rule's figures by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from run_files import PROVENANCE, write_run

from cnn_bench import runs
from cnn_bench.runs import collapse, schema
from cnn_bench.runs.predictions import packed

DONE = {'state': 'finished', 'top1_err_pct': 90.0}


def rows(error, loss=2.5, epoch=1.0):
    return [{'kind': 'train', 'step': 4, 'epoch': epoch, 'loss': loss, 'top1_err_pct': error}]


def of(classes):
    return {**PROVENANCE, 'model': {'arch': 'x', 'fields': {'num_classes': classes}}}


def collapsed(path, logged, provenance=PROVENANCE, labels=None, classes=10):
    run = write_run(path, logged, DONE, provenance)
    if labels is not None:
        run.write_arrays(schema.PREDICTIONS, packed(np.array(labels), np.zeros((len(labels), classes))))
    (found,) = runs.load(path).collapsed.astype(object)
    return found if found is True or found is False else None


@pytest.mark.parametrize(('classes', 'least'), [(2, 48.0), (10, 88.0), (100, 98.8), (1000, 99.88)])
def test_the_margin_below_chance(tmp_path, classes, least):
    """2 points, or a fifth of the accuracy of chance."""
    assert collapsed(tmp_path / 'at', rows(least + 0.001), of(classes)) is True
    assert collapsed(tmp_path / 'below', rows(least - 0.01), of(classes)) is False


def test_the_largest_of_unbalanced_classes_is_chance(tmp_path):
    labels = [0] * 900 + [1] * 100
    assert collapse.chance_error(2, np.array(labels)) == pytest.approx(10)
    assert collapsed(tmp_path / 'at', rows(9.0), of(2), labels, 2) is True
    assert collapsed(tmp_path / 'below', rows(7.9), of(2), labels, 2) is False
    small = np.arange(40) % 10
    small[:3] = 0  # six of 40: what a small sample of equal classes may have
    assert collapse.chance_error(10, small) == pytest.approx(90)


def test_predictions_tell_the_classes_where_the_network_does_not(tmp_path):
    labels = np.arange(100) % 4
    assert collapsed(tmp_path / 'at', rows(74.0), labels=labels, classes=4) is True
    assert collapsed(tmp_path / 'below', rows(60.0), labels=labels, classes=4) is False


def test_without_classes_loss_and_error_must_both_be_those_of_guessing(tmp_path):
    assert collapsed(tmp_path / 'guesses', rows(89.98, math.log(10) + 0.001)) is True
    assert collapsed(tmp_path / 'confused', rows(89.98, 1.9)) is None
    assert collapsed(tmp_path / 'learns', rows(51.0, 1.42)) is None


def test_too_short_or_unfinished_runs_are_unknown(tmp_path):
    assert collapsed(tmp_path / 'short', rows(90.0, epoch=0.5), of(10)) is None
    write_run(tmp_path / 'stopped', rows(90.0), None, of(10))
    assert runs.load(tmp_path / 'stopped').collapsed.isna().all()


def test_means_leave_a_collapsed_seed_out_unless_all_did():
    table = pd.DataFrame(
        [('a', 0, True), ('a', 1, False), ('b', 0, True), ('b', 1, True), ('c', 0, None)],
        columns=['label', 'seed', 'collapsed'],
    ).assign(state='finished')
    assert collapse.left_out_of_means(table).tolist() == [True, False, False, False, False]
    assert not collapse.left_out_of_means(table.drop(columns='collapsed')).any()
