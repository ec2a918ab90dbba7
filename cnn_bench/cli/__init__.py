"""The `cnn-bench` command.

Each subcommand is a module of this package with `add_arguments(parser)` and `run(args)`; only the one that is called is
imported. With TAKES_OVERRIDES, `run` also gets the list of arguments that argparse does not know; with ANY_FILE_NAMES,
arguments need not be text.
"""

import importlib
import io
import os
import sys

from cnn_bench import __version__
from cnn_bench.cli.help import Parser
from cnn_bench.cli.output import print_line
from cnn_bench.errors import RunFailed, Stopped, UserError, unknown
from cnn_bench.files import no_room
from cnn_bench.runtime.backend import explained
from cnn_bench.runtime.memory import is_out_of_memory
from cnn_bench.runtime.signals import STOPPED, CommandSignals
from cnn_bench.text import check_one_line

COMMANDS = {
    'list': 'list the architectures',
    'cost': 'count parameters, multiply-adds and memory of architectures, without running them',
    'claims': 'recompute every figure of the source lecture, and say which hold',
    'data': 'list, prepare and check data sets',
    'train': 'train a network by a recipe; the same command again resumes it',
    'eval': 'evaluate a run, or imported weights, on a test set',
    'predict': 'classify pictures',
    'features': "write a layer's output for every image of a data set to a file",
    'retrieve': 'find the nearest images by their features, and measure recall',
    'stylize': 'paint a picture in the style of another',
    'dream': 'change a picture until a layer or a class answers more strongly',
    'weights': 'import weights of Keras Applications, torchvision or timm',
    'measure': 'measure time, memory and power of networks on this device',
    'sweep': 'train every variant of an experiment',
    'report': 'write tables, charts and a page about the runs below directories',
    'serve': 'show that page in a browser, up to date while the runs train',
    'ensemble': 'measure error and cost of ensembles of trained networks',
    'runs': 'list the runs below a directory with state and error, or export them',
}


def main(argv: list[str] | None = None) -> int:
    """Run `cnn-bench` with `argv` (default: the process's own) and return its exit status.

    0: done; 1: the work failed; 2: bad input; 75: stopped by a signal other than Ctrl-C, or a run that was saved;
    130: Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')  # for what the terminal's encoding, such as ASCII, lacks
    with CommandSignals(own_process=argv is None) as signals:
        try:
            return _dispatch(sys.argv[1:] if argv is None else argv)
        except BrokenPipeError:  # `cnn-bench list | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except (Exception, KeyboardInterrupt) as error:
            status, message = _outcome(signals.interrupted or explained(error))
            print_line(f'cnn-bench: {message}', sys.stderr)
            return status


def _outcome(error: BaseException) -> tuple[int, str]:
    """The exit status and the line for what ended a command. Raises what is a fault of the program again."""
    match error:
        case UserError():
            return error.exit_status, f'error: {error}'
        case Stopped():
            return error.exit_status, str(error)
        case OSError():
            return (RunFailed if no_room(error) else UserError).exit_status, f'error: {error}'
        case KeyboardInterrupt():
            return getattr(error, 'exit_status', 130), STOPPED
        case _ if is_out_of_memory(error):
            return RunFailed.exit_status, f'error: out of memory: {next(iter(str(error).splitlines()), "")}'
        case _:
            raise error


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in ('-h', '--help', '--version'):
        _top_parser().parse_args(argv or ['--help'])
    if any('\0' in argument for argument in argv):
        raise UserError('an argument holds a NUL character')
    name, rest = argv[0], argv[1:]
    if name not in COMMANDS:
        raise unknown('command', name, COMMANDS)
    command = importlib.import_module(f'cnn_bench.cli.{name}')
    if not getattr(command, 'ANY_FILE_NAMES', False):
        for argument in rest:
            check_one_line(f'{name}: the argument', argument)
    parser = Parser(prog=f'cnn-bench {name}', description=command.__doc__, allow_abbrev=False)
    command.add_arguments(parser)
    if not getattr(command, 'TAKES_OVERRIDES', False):
        return command.run(parser.parse_args(rest)) or 0
    args, overrides = parser.parse_known_args(rest)
    return command.run(args, overrides) or 0


def _top_parser() -> Parser:
    lines = '\n'.join(f'  {name:<9}{text}' for name, text in COMMANDS.items())
    parser = Parser(
        prog='cnn-bench',
        description='What does a given accuracy cost? Trains, counts and charts convolutional networks.',
        epilog=f'commands:\n{lines}\n\n`cnn-bench COMMAND --help` shows the options of a command.',
    )
    parser.add_argument('--version', action='version', version=f'cnn-bench {__version__}')
    parser.add_argument('command', choices=COMMANDS, metavar='COMMAND')
    return parser
