"""What is known about trials from their run directories, and what a sweep writes there about failures."""

from pathlib import Path

from cnn_bench import recipe
from cnn_bench.errors import UserError
from cnn_bench.runs import RunDirectory, schema, study
from cnn_bench.sweep.experiment import Trial
from cnn_bench.sweep.outcome import Outcome
from cnn_bench.sweep.process import LOG

SAME = ('question', 'preset', 'held_equal', 'changes')  # for all trials in the directory of a sweep


def state(run: RunDirectory) -> str:
    """finished, one of schema.FAILED, unfinished (which includes not started) or damaged."""
    try:
        return (run.read(schema.SUMMARY) or {}).get('state', 'unfinished')
    except UserError:
        return 'damaged'


def reason(run: RunDirectory) -> str:
    """Why the trial failed; empty if it did not."""
    return (run.read(schema.SUMMARY) or {}).get('reason', '') if state(run) in schema.FAILED else ''


def recorded_failure(run: RunDirectory) -> Outcome | None:
    """The outcome that the trial's own process recorded; None where it recorded no failure."""
    return Outcome(state(run), reason(run)) if state(run) in schema.FAILED else None


def log(run: RunDirectory) -> str:
    """What the trial printed when it last ran."""
    try:
        return (run / LOG).read_text(errors='replace')
    except FileNotFoundError:
        return ''


def write_failure(run: RunDirectory, trial: Trial, outcome: Outcome) -> None:
    """Make the directory a failed run that tables and listings find, whatever the trial's process left there."""
    run.create()
    if not (run / schema.CONFIG).exists():
        run.write(schema.CONFIG, recipe.to_dict(trial.config))
    if state(run) not in schema.FAILED:
        run.write(schema.SUMMARY, {'state': outcome.state, 'reason': outcome.reason})


def forget_failure(run: RunDirectory) -> None:
    """Turn a failed run into an unfinished one, which resumes from its checkpoint, if any."""
    if state(run) != 'finished':
        (run / schema.SUMMARY).unlink(missing_ok=True)


def refuse_mixing(out: Path, there: study.Study | None, **here: str | dict) -> None:
    """Raise UserError if the sweep in `out` differs from `here` in question, preset, budget or changes."""
    for field in SAME if there else ():
        if getattr(there, field) != here[field]:
            name = field.replace('_', ' ')
            raise UserError(
                f'{out} holds a sweep of {name} {getattr(there, field)!r}, not {here[field]!r}; use another --out'
            )


def merged(earlier: study.Study | None, records: list[dict]) -> tuple[dict, ...]:
    """`records` of the trials of this sweep, then those of other trials in its directory, such as other seeds."""
    ids = {record['id'] for record in records}
    return (*records, *(record for record in (earlier.trials if earlier else ()) if record['id'] not in ids))


def wall_seconds(earlier: study.Study | None) -> dict[str, float]:
    """Trial id -> seconds from start to end, of trials that ran without interruption in an earlier session."""
    return {record['id']: record['wall_s'] for record in (earlier.trials if earlier else ()) if 'wall_s' in record}
