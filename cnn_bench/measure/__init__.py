"""What a network costs on the device at hand: time, memory and power, measured.

cases            what is measured: network, contestant, batch, number format, mode
columns          what each column of a row is, and is not
session          processes, rounds, rows: what `cnn-bench measure` does
worker           the process that holds one network; worker_process is the parent's side of it
standalone       the worker for PyTorch, and what both workers share
convolution_rate  the speed of one convolution, from which sweeps estimate their time
intervals        how far apart the medians of two runs are expected
turns, rows      the files: each round as it was timed, and the results

`load(DIR)` returns the rows of a directory as a table.
"""

from cnn_bench.measure.rows import load

__all__ = ['load']
