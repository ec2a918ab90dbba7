"""Rows as `cnn-bench measure` writes them, made up, with the truth that a test states."""

import json
from pathlib import Path

from cnn_bench.models import registry

NETWORKS = (
    *('alexnet', 'alexnet_bn', 'nin_bn', 'enet', 'googlenet', 'resnet18', 'vgg16', 'vgg19', 'resnet34', 'resnet50'),
    *('resnet101', 'resnet152', 'inception_v3', 'inception_v4'),
)


def row(arch: str = 'resnet18', batch: int = 1, *, ms_per_image: float = 10.0, **changes) -> dict:
    """One row with the status ok."""
    facts = registry.get(arch)
    ms = batch * ms_per_image
    return {
        'arch': arch, 'framework': 'cnn_bench', 'batch': batch, 'dtype': 'float32', 'mode': 'inference',
        'size': facts.size, 'width': 1.0, 'platform': 'cpu', 'device': 'a cpu', 'threads': 2,
        'status': 'ok', 'reason': None, 'latency_ms_p50': ms, 'latency_ms_p90': 1.1 * ms,
        'latency_ms_low': 0.98 * ms, 'latency_ms_high': 1.02 * ms, 'images_per_s': 1000 * batch / ms,
        'images_per_s_low': 980 * batch / ms, 'images_per_s_high': 1020 * batch / ms,
        'memory_planned_bytes': 4 * facts.params + 10**7 * batch, 'params': facts.params,
        'params_bytes': 4 * facts.params, 'macs': facts.macs, 'power_w': None, 'spread_pct': 1.0, 'noisy': False,
        'repeats': 5, 'measured_at': '2026-01-01T00:00:00Z', 'versions': {'jax': '0.8'}, 'commit': 'abc',
        **changes,
    }  # fmt: skip


def write(directory: Path, rows: list[dict]) -> Path:
    """The directory, with these rows in it."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / 'rows.jsonl').write_text(''.join(json.dumps(one) + '\n' for one in rows))
    return directory
