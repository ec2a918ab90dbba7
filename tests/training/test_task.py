"""What a recipe is made into."""

from cnn_bench.training.task import Task


def test_a_runs_cost_is_that_of_evaluation(tiny_recipe, tiny_data):
    """Auxiliary heads are trained but vanish in evaluation, so that they are in no chart."""
    fields = {'model__arch': 'googlenet', 'model__stem': 'small', 'model__width': 0.125}
    with_heads, without = (Task(tiny_recipe(**fields, model__aux=aux), tiny_data) for aux in (True, False))
    assert with_heads.model.aux
    assert with_heads.facts() == without.facts()
    assert without.facts()['input_shape'] == [28, 28, 1]


def test_batch_statistics_are_shared_where_asked(tiny_recipe, tiny_data):
    fields = {'model__arch': 'resnet20'}
    assert Task(tiny_recipe(**fields), tiny_data).model.bn_axis == 'data'
    assert Task(tiny_recipe(**fields, sync_batch_norm=False), tiny_data).model.bn_axis is None
