"""What a figure, a difference and a front are worth: intervals, paired tests, verdicts, the Pareto front and its size.

over_seeds     means and differences over runs that differ in their seed: what a recipe gives
over_images    error of single runs over the test images: what two given sets of weights give, whatever the seed
multiplicity   p-values of many comparisons
decision       a claim about two recipes, and how many seeds would settle it
front          who is on the front of cost against error, and how surely
dominated      the area that a front dominates, one number for a set of networks

All are pure functions of arrays. Those that draw at random take a seed and give the same each time.
"""

from cnn_bench.stats.decision import CONTRADICTED, SUPPORTED, UNDECIDED, Verdict, verdict
from cnn_bench.stats.dominated import hypervolume, hypervolume_interval
from cnn_bench.stats.front import front_probability, pareto_front
from cnn_bench.stats.multiplicity import holm
from cnn_bench.stats.over_images import McNemar, bootstrap_difference, bootstrap_mean, mcnemar
from cnn_bench.stats.over_seeds import Difference, mean_ci, paired_difference

__all__ = [
    'CONTRADICTED',
    'SUPPORTED',
    'UNDECIDED',
    'Difference',
    'McNemar',
    'Verdict',
    'bootstrap_difference',
    'bootstrap_mean',
    'front_probability',
    'holm',
    'hypervolume',
    'hypervolume_interval',
    'mcnemar',
    'mean_ci',
    'paired_difference',
    'pareto_front',
    'verdict',
]
