"""Items in several processes: the results are those of a plain loop, in order, and errors arrive as they are."""

import os
from functools import partial

import pytest

from cnn_bench.errors import UserError
from cnn_bench.runtime import cores, processes

needs_cores = pytest.mark.skipif(len(cores.available()) < 2, reason='a single core')


@needs_cores
def test_results_are_in_order_and_from_other_processes():
    numbers = list(range(processes.WORTH_IT))
    assert list(processes.each(partial(pow, 2), numbers)) == [2**n for n in numbers]
    assert os.getpid() not in processes.each(_process, numbers)


def test_few_items_start_no_process():
    assert set(processes.each(_process, [1] * (processes.WORTH_IT - 1))) == {os.getpid()}


@needs_cores
def test_an_error_arrives_with_its_line():
    with pytest.raises(UserError, match='number 3 is odd'):
        list(processes.each(_refuse, [2, 3] * processes.WORTH_IT))


def _process(_: int) -> int:
    return os.getpid()


def _refuse(number: int) -> int:
    if number % 2:
        raise UserError(f'number {number} is odd')
    return number
