"""First variables: those of `init`, whoever asks; and one compiled step for all seeds."""

import jax
import jax.numpy as jnp
import numpy as np

from cnn_bench.models import registry, variables
from cnn_bench.training.setup import TrainingSetup

SHAPE = (12, 12, 1)


def test_they_are_those_of_init():
    model = registry.build('resnet20', num_classes=3, width=0.25, depths=(1, 1, 1))
    wanted = jax.jit(model.init)(jax.random.key(3), jnp.zeros((1, *SHAPE)))
    got = variables.init_variables(model, SHAPE, 3)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7), got, dict(wanted))
    assert jax.tree.map(np.shape, got) == jax.tree.map(np.shape, variables.variable_shapes(model, SHAPE))
    pairs = zip(*(jax.tree.leaves(variables.init_variables(model, SHAPE, seed)) for seed in (3, 4)), strict=True)
    assert max(np.abs(a - b).max() for a, b in pairs) > 0.01


def test_seeds_rates_and_schedules_share_the_compiled_step(tiny_recipe, tiny_data):
    texts = set()
    for seed, rate, schedule in ((0, 0.1, 'cosine'), (1, 0.1, 'cosine'), (0, 0.3, 'constant')):
        fields = {'optimizer__learning_rate': rate, 'schedule__name': schedule}
        task = TrainingSetup(tiny_recipe(seed=seed, augment__pad_crop=2, **fields), tiny_data)
        batches = task.train_data.train_batches(seed, 24, 0, 1)
        texts.add(task.compiled_train_steps().lower(task.first_state(), task.shared(), batches).as_text())
    assert len(texts) == 1
