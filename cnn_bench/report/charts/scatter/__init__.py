"""The scatter chart: spec (what it shows), draw, and what drawing takes: marks, labels, legend."""
