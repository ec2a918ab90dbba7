"""Experiments, and running their trials: every variant with every seed."""

from cnn_bench.runs.study import Hypothesis
from cnn_bench.sweep.experiment import Experiment, Trial
from cnn_bench.sweep.space import choice, linear, log
from cnn_bench.sweep.sweep import Sweep

__all__ = ['Experiment', 'Hypothesis', 'Sweep', 'Trial', 'choice', 'linear', 'log']
