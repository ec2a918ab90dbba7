"""What a recipe is made into."""

import jax
import pytest

from cnn_bench.errors import UserError
from cnn_bench.training.provenance import evaluation_cost
from cnn_bench.training.setup import TrainingSetup


def test_a_runs_cost_is_that_of_evaluation(tiny_recipe, tiny_data):
    """Auxiliary heads are trained but vanish in evaluation, so that they are in no chart."""
    fields = {'model__arch': 'googlenet', 'model__stem': 'small', 'model__width': 0.125}
    with_heads, without = (TrainingSetup(tiny_recipe(**fields, model__aux=aux), tiny_data) for aux in (True, False))
    assert with_heads.model.aux
    assert evaluation_cost(with_heads) == evaluation_cost(without)
    assert evaluation_cost(without)['input_shape'] == [28, 28, 1]


def test_the_cost_in_evaluation_has_branches_fused(tiny_data, tiny_recipe):
    fields = {'model__arch': 'mobileone_s1', 'model__width': 0.1, 'model__stem': 'small'}
    branches, fused = (TrainingSetup(tiny_recipe(**fields, model__fused=fused), tiny_data) for fused in (False, True))
    costs = evaluation_cost(branches), evaluation_cost(fused)
    assert costs[0] == costs[1]
    assert costs[0]['params'] == sum(leaf.size for leaf in jax.tree.leaves(fused.shapes['params']))


def test_batch_statistics_are_shared_where_asked(tiny_recipe, tiny_data):
    fields = {'model__arch': 'resnet20', 'devices': 2}
    assert TrainingSetup(tiny_recipe(**fields), tiny_data).model.bn_axis == 'data'
    assert (
        TrainingSetup(tiny_recipe(**fields | {'devices': 1}), tiny_data).model.bn_axis is None
    )  # nobody to share with
    assert TrainingSetup(tiny_recipe(**fields, sync_batch_norm=False), tiny_data).model.bn_axis is None


def test_the_rate_grows_with_the_batch_where_asked(tiny_recipe, tiny_data):
    fields = {'schedule__name': 'constant', 'optimizer__learning_rate': 0.1}
    rates = [
        float(TrainingSetup(tiny_recipe(scale_lr_to_batch=n, **fields), tiny_data).schedule(0)) for n in (0, 24, 96)
    ]
    assert rates == pytest.approx([0.1, 0.1, 0.1 * 24 / 96])


def test_steps_or_epochs(tiny_recipe, tiny_data):
    assert TrainingSetup(tiny_recipe(total_epochs=3), tiny_data).total_steps == 12
    assert TrainingSetup(tiny_recipe(total_epochs=3, total_steps=5), tiny_data).total_steps == 5


def test_part_of_the_training_images(tiny_recipe, tiny_data):
    setup = TrainingSetup(tiny_recipe(dataset__train_images=50, dataset__test_images=15), tiny_data)
    assert setup.steps_per_epoch == 50 // 24
    assert len(setup.train_data) == 50
    assert len(setup.eval_data['test']) == 15
    assert len(TrainingSetup(tiny_recipe(), tiny_data).eval_data['test']) == 40


@pytest.mark.parametrize(
    ('fields', 'said'),
    [
        ({'dataset__train_images': 97}, 'train_images is 97; tiny has at most 96'),
        ({'dataset__test_images': 41}, 'test_images is 41; tiny has at most 40'),
        ({'accumulate_steps': 5}, 'it must divide the 24 images'),
        ({'batch_size': 25, 'mix__mixup_alpha': 0.2}, 'the 25 of a batch that each device gets must be even'),
        ({'augment__lighting_std': 0.1}, 'rows of 1 numbers'),
    ],
)
def test_a_batch_that_does_not_divide_is_one_line(tiny_recipe, tiny_data, fields, said):
    with pytest.raises(UserError, match=said):
        TrainingSetup(tiny_recipe(**fields), tiny_data)


def test_a_state_holds_what_its_recipe_uses(tiny_recipe, tiny_data):
    plain = TrainingSetup(tiny_recipe(), tiny_data).first_state()
    assert plain.average is None
    assert plain.eval_state.plateau is None
    fields = {'ema_decay': 0.9, 'schedule__name': 'plateau', 'dataset__validation_images': 24}
    state = TrainingSetup(tiny_recipe(**fields), tiny_data).first_state()
    assert set(state.average) == set(state.variables)
    assert state.eval_state.plateau is not None
