"""`python -m cnn_bench` is `cnn-bench`."""

import sys

from cnn_bench.cli import main

sys.exit(main())
