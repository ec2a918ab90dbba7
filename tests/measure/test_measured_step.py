"""The training step that is timed, against the same step by hand."""

import flax.linen as nn
import jax
import numpy as np

from cnn_bench.measure import training_step as ts


class Linear(nn.Module):
    @nn.compact
    def __call__(self, x, train=False):
        return nn.Dense(2, use_bias=False, name='dense')(x)


def test_two_steps_by_hand():
    """Softmax cross-entropy's gradient is x^T (p - y) / n; weight decay is added to it before the momentum."""
    rng = np.random.default_rng(0)
    x, labels, w = rng.standard_normal((4, 3)).astype(np.float32), np.array([0, 1, 1, 0]), rng.standard_normal((3, 2))
    state = ts.initial_state({'params': {'dense': {'kernel': w.astype(np.float32)}}})
    velocity = np.zeros_like(w)
    for _ in range(2):
        logits = x @ w
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        loss = -np.log(p[np.arange(4), labels]).mean()
        state, found = ts.step(state, x, labels, jax.random.key(0), model=Linear(), rule=ts.optimizer())
        np.testing.assert_allclose(found, loss, rtol=1e-5)
        velocity = 0.9 * velocity + x.T @ (p - np.eye(2)[labels]) / 4 + 1e-4 * w
        w = w - 1e-3 * velocity
        np.testing.assert_allclose(state[0]['dense']['kernel'], w, rtol=1e-5)
