"""A fingerprint of arrays, by which damage to a checkpoint shows."""

import hashlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np


def digest(tree: Any, renamed: Mapping[str, str] | None = None) -> str:
    """sha256 over the names and bytes of all arrays of a tree; `renamed` gives some of its fields other names."""
    total = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        name = jax.tree_util.keystr(path)
        for now, then in (renamed or {}).items():
            name = name.replace(f'.{now}', f'.{then}', 1)
        total.update(name.encode())
        total.update(np.asarray(leaf).tobytes())
    return total.hexdigest()
