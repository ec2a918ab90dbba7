"""The sentences and the chart of gains by recipe, against sums by hand."""

import pandas as pd

from cnn_bench.analysis import published, recipe_gains
from cnn_bench.analysis.recipe_gains import NEW, OLD
from cnn_bench.report import recipe_words
from cnn_bench.report.charts import saving


def table_of(errors):
    """A table of (network, training) -> top-1 error."""
    rows = [
        {'arch': arch, 'training': training, 'top1_err_pct': error, 'input_shape': '224x224x3'}
        for (arch, training), error in errors.items()
    ]
    return pd.DataFrame(rows)


def test_nothing_is_said_where_nothing_can_be_compared():
    table = table_of({('resnet50', OLD): 24.0, ('vgg16', NEW): 20.0})
    assert recipe_words.answer(table) == ''
    assert recipe_words.chart(table) is None


def test_the_share_of_a_pair_of_2015_and_2022():
    errors = {('resnet50', OLD): 24.0, ('resnet50', NEW): 19.0, ('convnext_tiny', NEW): 18.0}
    assert 'by 5.00 points' in recipe_words.answer(table_of(errors))
    assert '83 % of the gain is the recipe' in recipe_words.answer(table_of(errors))


def test_what_a_network_of_both_recipes_gains_by_each():
    resnets = {('resnet50', OLD): 24.0, ('resnet50', NEW): 20.0, ('resnet101', OLD): 22.0, ('resnet101', NEW): 18.0}
    later = {('convnext_tiny', OLD): 22.0, ('convnext_tiny', NEW): 19.0}  # a ResNet of its cost is at 23.73 and 19.73 %
    assert '(convnext_tiny) gain 1.73 points by the older recipe and 0.73 by the newer' in recipe_words.answer(
        table_of(resnets | later)
    )


def test_published_gains_are_told_with_their_number_and_drawn():
    table = published.table()
    found = recipe_gains.gains(table)
    assert f'n {found[0].over_networks.n})' in recipe_words.answer(table)
    figure = saving.draw(recipe_words.chart(table))
    assert len([one for one in figure.findobj() if str(one.get_gid()).startswith('point-')]) == len(found)
