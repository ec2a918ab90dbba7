"""Statistics of means, differences and fronts: intervals, paired tests, decisions, the Pareto front and its area.

over_seeds     means and differences over runs that differ in their seed: what a recipe gives
bootstrap      error of single runs over the test images: what two given sets of weights give, whatever the seed
multiplicity   p-values of many comparisons
decision       a hypothesis about two recipes, and how many seeds would settle it
front          the Pareto front of cost against error, and the probability of being on it
factorial      shares of the variance of two crossed factors
expected_best  the expected best of n tuning trials
ranking        whether two conditions rank networks alike
regression     straight lines through points of networks, and how well they predict

All are pure functions of arrays; those that draw at random take a seed.
"""

from cnn_bench.stats.bootstrap import McNemar, bootstrap_difference, bootstrap_mean, mcnemar
from cnn_bench.stats.decision import CONTRADICTED, SUPPORTED, UNDECIDED, Decision, decide
from cnn_bench.stats.expected_best import expected_minimum
from cnn_bench.stats.factorial import Shares, variance_shares
from cnn_bench.stats.front import front_probability, pareto_front
from cnn_bench.stats.multiplicity import holm
from cnn_bench.stats.over_seeds import Difference, mean_ci, paired_difference
from cnn_bench.stats.ranking import changed_places, tau_of_means
from cnn_bench.stats.regression import Estimate, Line, fit_line, leave_one_out

__all__ = [
    'CONTRADICTED',
    'SUPPORTED',
    'UNDECIDED',
    'Decision',
    'Difference',
    'Estimate',
    'Line',
    'McNemar',
    'Shares',
    'bootstrap_difference',
    'bootstrap_mean',
    'changed_places',
    'decide',
    'expected_minimum',
    'fit_line',
    'front_probability',
    'holm',
    'leave_one_out',
    'mcnemar',
    'mean_ci',
    'paired_difference',
    'pareto_front',
    'tau_of_means',
    'variance_shares',
]
