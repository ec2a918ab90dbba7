"""Twelve trials of which one crashes, one needs too much memory and one diverges, killed in the middle, twice."""

import random
import signal
import time

import pytest
from twelve import assert_nine_finished_and_three_explained, finished, start, variants

PATIENCE_S = 300


@pytest.mark.slow
def test_killed_twice_and_three_failures(write, tmp_path, tiny_data):
    experiment, out, draw = write(variants=variants(epochs=6)), tmp_path / 'out', random.Random(0)
    seen: dict[str, int] = {}
    for number, until in ((signal.SIGTERM, 2), (signal.SIGKILL, 5)):
        process = start(experiment, out, tiny_data, '--jobs', '2')
        deadline = time.monotonic() + PATIENCE_S
        while len(finished(out)) < until and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 2))
        process.send_signal(number)
        output, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == (75 if number == signal.SIGTERM else -number), output
        assert ('of 12 finished' in output and 'the same command goes on' in output) == (number == signal.SIGTERM)
        seen = _still_there(seen, out)
        assert len(seen) < 9
    process = start(experiment, out, tiny_data, '--jobs', '2')
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1, output
    assert_nine_finished_and_three_explained(out)
    seen = _still_there(seen, out)

    process = start(experiment, out, tiny_data)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    last = output.splitlines()[-1]
    assert '3 of 12 trials failed' in last
    assert all(f'{name}-s0' in last for name in ('crashes', 'diverges', 'too_large'))
    assert _still_there(seen, out) == seen


def _still_there(seen: dict[str, int], out) -> dict[str, int]:
    """What is finished now. Fails where something of `seen` was run again."""
    now = finished(out)
    assert seen.items() <= now.items()
    return now
