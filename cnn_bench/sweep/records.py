"""What a sweep finds of its trials on the disk, and what it writes of them there."""

from pathlib import Path

from cnn_bench import recipe
from cnn_bench.errors import UserError
from cnn_bench.runs import RunDirectory, schema, study
from cnn_bench.sweep.experiment import Trial
from cnn_bench.sweep.outcome import Outcome
from cnn_bench.sweep.process import LOG

SAME = ('question', 'preset', 'held_equal', 'changes')  # of all that one directory holds


def state(run: RunDirectory) -> str:
    """finished, one of schema.FAILED, unfinished (also: never started) or damaged."""
    try:
        return (run.read(schema.SUMMARY) or {}).get('state', 'unfinished')
    except (UserError, AttributeError):
        return 'damaged'


def reason(run: RunDirectory) -> str:
    """Why the trial failed; empty where it did not."""
    return (run.read(schema.SUMMARY) or {}).get('reason', '') if state(run) in schema.FAILED else ''


def recorded_failure(run: RunDirectory) -> Outcome | None:
    """The outcome that the trial's own process recorded; None where it recorded no failure."""
    return Outcome(state(run), reason(run)) if state(run) in schema.FAILED else None


def log(run: RunDirectory) -> str:
    """What the trial's last process printed."""
    try:
        return (run / LOG).read_text(errors='replace')
    except FileNotFoundError:
        return ''


def write_failure(run: RunDirectory, trial: Trial, outcome: Outcome) -> None:
    """Make the directory a failed run that tables and listings find, whatever the trial's process left there."""
    run.create()
    if run.read(schema.CONFIG) is None:
        run.write(schema.CONFIG, recipe.to_dict(trial.config))
    if state(run) not in schema.FAILED:
        run.write(schema.SUMMARY, {'state': outcome.state, 'reason': outcome.reason})


def forget_failure(run: RunDirectory) -> None:
    """Make a run that failed an unfinished one, which goes on from its checkpoint if there is one."""
    if state(run) != 'finished':
        (run / schema.SUMMARY).unlink(missing_ok=True)


def refuse_mixing(out: Path, there: study.Study | None, **here: str | dict) -> None:
    """Raise UserError where the sweep in `out` is not of the question, preset, budget and changes asked for `here`."""
    for field in SAME if there else ():
        if getattr(there, field) != here[field]:
            name = field.replace('_', ' ')
            raise UserError(
                f'{out} holds a sweep of {name} {getattr(there, field)!r}, not {here[field]!r}; use another --out'
            )


def merged(earlier: study.Study | None, records: list[dict]) -> tuple[dict, ...]:
    """The `records` of this sweep's trials, then those of trials that the directory holds besides, say other seeds."""
    ids = {record['id'] for record in records}
    return (*records, *(record for record in (earlier.trials if earlier else ()) if record['id'] not in ids))


def wall_seconds(earlier: study.Study | None) -> dict[str, float]:
    """Trial id -> the seconds from its start to its end, of those that an earlier session saw run in one go."""
    return {record['id']: record['wall_s'] for record in (earlier.trials if earlier else ()) if 'wall_s' in record}
