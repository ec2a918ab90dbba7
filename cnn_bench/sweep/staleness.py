"""What in a sweep's directory was made by other code, or by another recipe, than the sweep has now.

A trial's id holds its recipe, so a changed recipe makes new trials beside the old ones: these are in no answer of the
sweep. Code is not part of the id: trials that other code made stay, are told of, and are made again on request.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from cnn_bench import recipe
from cnn_bench.runs import RunDirectory, code, find
from cnn_bench.sweep import records
from cnn_bench.sweep.experiment import Trial
from cnn_bench.training.provenance import code_of

SHOWN = 5  # files or fields, in a line
MADE_AGAIN = '--rerun changed'


def other_code(trials: Iterable[Trial], directory: Callable[[Trial], RunDirectory]) -> dict[str, list[str]]:
    """Trial id -> the files of the code that made it, in any of its sessions, that are others now.

    Trials that start from the weights of one that other code made are in it too, if need be with no files of their own.
    """
    now: dict[str, dict] = {}
    found: dict[str, list[str]] = {}
    trials = list(trials)
    for trial in trials:
        made = records.provenance(directory(trial))
        then = made.get('code')
        if then is None:
            continue
        arch = trial.config.model.arch
        if arch not in now:
            now[arch] = code_of(arch)
        files = {file for session in made.get('earlier_sessions', ()) for file in session.get('other_code') or ()}
        if files := sorted(files | set(code.changed(then, now[arch]))):
            found[trial.id] = files
    while more := [
        t for t in trials if t.depends_on in found and t.id not in found and records.provenance(directory(t))
    ]:
        found |= {trial.id: [] for trial in more}
    return found


def remarks_on_code(
    trials: Iterable[Trial],
    directory: Callable[[Trial], RunDirectory],
    sources: Mapping[str, Mapping[str, str]],
    again: bool,
) -> list[str]:
    """Lines on the trials that other code made; `again` says that they are about to be made again.

    `sources` are the present digests of the files of recipe and experiment, by role.
    """
    trials = list(trials)
    by_code = other_code(trials, directory)
    lines = []
    if by_code:
        states = Counter(records.state(directory(trial)) for trial in trials if trial.id in by_code)
        files = Counter(file for files in by_code.values() for file in files)
        changed = _few([f'{file} ({_trials(count)})' for file, count in sorted(files.items())])
        counts = ', '.join(f'{count} {state}' for state, count in sorted(states.items()))
        then = 'they are made again' if again else f'{MADE_AGAIN} makes them again'
        lines.append(f'made by other code than there is now: {_trials(len(by_code))} ({counts}); {changed}; {then}')
    made = [records.provenance(directory(trial)).get('code') or {} for trial in trials]
    for file, count in sorted(Counter(file for then in made for file in code.changed(then, sources, sources)).items()):
        lines.append(f'{file} has changed since {_trials(count)} were made; their recipes are as before')
    unknown = [trial for trial in trials if _is_old(directory(trial))]
    if unknown:
        lines.append(
            f'{_trials(len(unknown))} of an earlier version have no record of the code that made them, and stay'
        )
    return lines


def remarks_on_tuning(trials: Iterable[Trial], directory: Callable[[Trial], RunDirectory]) -> list[str]:
    """A line on the tuning trials that other code made, which are not made again."""
    by_code = other_code(trials, directory)
    files = _few(sorted({file for files in by_code.values() for file in files}))
    chosen = 'the values that they chose stand; another --out tunes again'
    return [f'made by other code than there is now: {len(by_code)} of tuning; {files}; {chosen}'] if by_code else []


def other_recipes(trials: Iterable[Trial], runs: Iterable[RunDirectory]) -> list[str]:
    """Lines on the `runs` of a sweep's directory that are none of its `trials`, nor other seeds of them."""
    present = {trial.id for trial in trials}
    configs = {trial.name: recipe.to_dict(trial.config) for trial in trials}
    is_same, found = records.same_recipe(trials), Counter()
    for run in runs:
        if run.path.name in present:
            continue
        config = records.config(run)
        if config is not None and not is_same(run):
            here = configs.get(config['name'])
            found[config['name'], None if here is None else tuple(_differences(config, here))] += 1
    lines = []
    for (name, fields), count in sorted(found.items(), key=str):
        if fields:
            why = f'by another recipe (there, here): {_few(fields)}'
        else:
            why = 'which is no variant of this sweep' if fields is None else 'made by an earlier version'
        lines.append(f'{_trials(count)} of {name!r} {"is" if count == 1 else "are"} not in the answer, {why}')
    return lines


def remarks(
    trials: list[Trial],
    directory: Callable[[Trial], RunDirectory],
    out: RunDirectory,
    sources: Mapping[str, Mapping[str, str]],
    again: bool,
) -> list[str]:
    """All lines on the sweep in `out`; for the other arguments see `remarks_on_code`."""
    return [*remarks_on_code(trials, directory, sources, again), *other_recipes(trials, find(out / 'trials'))]


def _is_old(run: RunDirectory) -> bool:
    made = records.provenance(run)
    return bool(made) and not made.get('code')


def _differences(there: dict, here: dict) -> list[str]:
    return recipe.differences({**recipe.renamed(there), 'seed': None}, {**here, 'seed': None})


def _trials(count: int) -> str:
    return f'{count} trial{"s" * (count != 1)}'


def _few(items: Iterable[str]) -> str:
    items = list(items)
    more = f' and {len(items) - SHOWN} more' if len(items) > SHOWN else ''
    return ', '.join(items[:SHOWN]) + more
