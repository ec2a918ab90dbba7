"""Run directories: their files and how a tree of them is read as one tidy table.

schema, columns    the files of a run directory; the columns of the tidy table
shapes             the fields and types that these files must have
directory          reading and writing one
load, curves, predictions    a tree of them as the tidy table, as rows of metrics, as predictions by run
study              sweep.json, the question that a sweep was run for
collapse, choice   which runs learned nothing; which stand for a variant that has runs of several recipes
listing, export    the state of each run; runs as files for other tools
provenance, code, sinks    where a run came from; the code that made it; where its metrics go besides metrics.jsonl
"""

from cnn_bench.runs.curves import curves
from cnn_bench.runs.directory import RunDirectory
from cnn_bench.runs.load import find, load
from cnn_bench.runs.predictions import Predictions, predictions

__all__ = ['Predictions', 'RunDirectory', 'curves', 'find', 'load', 'predictions']
