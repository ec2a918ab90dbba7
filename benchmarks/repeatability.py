"""Do the intervals of `cnn-bench measure` hold? How many medians of a second run lie within those of the first.

    python benchmarks/repeatability.py FIRST SECOND

FIRST and SECOND are directories that the same command wrote (`--out`), on the same machine.
"""

import argparse
from pathlib import Path

from cnn_bench.measure import load

NAME = ['arch', 'framework', 'batch', 'dtype', 'mode', 'size', 'width', 'platform', 'device', 'threads']


def main() -> None:
    """Print the share, and each row whose second median lies outside."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('first', type=Path)
    parser.add_argument('second', type=Path)
    args = parser.parse_args()
    first, second = (load(directory).query('status == "ok"').set_index(NAME) for directory in (args.first, args.second))
    both = first.join(second.add_suffix('_second'), how='inner')
    again, low, high = (both[f'latency_ms_{name}'] for name in ('p50_second', 'low', 'high'))
    inside = (low <= again) & (again <= high)
    ratio = again / both['latency_ms_p50']
    print(f'{inside.sum()} of {len(both)} second medians lie within the first interval ({inside.mean():.0%})')
    print(f'second / first: median {ratio.median():.3f}, {ratio.min():.3f} to {ratio.max():.3f}')
    print(
        f'intervals: half their width is {((high / low) ** 0.5 - 1).median():.1%} of the median, in the middle of rows'
    )
    print(f'marked as noisy: {both["noisy"].sum()} and {both["noisy_second"].sum()} rows')
    for name, found in both[~inside].iterrows():
        print(
            f'outside: {name[0]}, batch {name[2]}: {found.latency_ms_p50_second:.4g} ms, '
            f'not in {found.latency_ms_low:.4g} to {found.latency_ms_high:.4g}'
        )


if __name__ == '__main__':
    main()
