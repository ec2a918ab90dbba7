"""Slurm's commands on this machine: sbatch runs a job array in the background, as many jobs at a time as it says.

`install` makes the commands in a directory; all of them are this file under different names. What was submitted lies
in the directory as N.sh, and N_I.state has the state of each job.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(sys.argv[0]).parent


def install(directory: Path, runs: bool = True) -> Path:
    """Write the commands to a new directory. Without `runs`, jobs wait for ever."""
    directory.mkdir()
    for name in ('sbatch', 'srun', 'sacct', 'scancel', 'scontrol'):
        path = directory / name
        path.write_text(f'#!{sys.executable}\n{Path(__file__).read_text()}')
        path.chmod(0o755)
    if not runs:
        (directory / 'waits').touch()
    return directory


def preempt(directory: Path, job: str) -> None:
    """Send the signal of `--signal` to all processes of a job, as Slurm does before it takes the node."""
    import signal

    import psutil

    for process in psutil.Process(int((directory / f'{job}.pid').read_text())).children(recursive=True):
        process.send_signal(signal.SIGUSR2)


def sbatch(script: str) -> None:
    number = 100 + len(list(HERE.glob('*.sh')))
    text = Path(script).read_text()
    (HERE / f'{number}.sh').write_text(text)
    array = re.search(r'--array=\'?0-(\d+)%(\d+)', text)
    last, at_once = array.groups() if array else ('0', '1')
    jobs = [f'{number}_{index}' for index in range(int(last) + 1)] if array else [str(number)]
    for job in jobs:
        state(job, 'PENDING')
    if not (HERE / 'waits').exists():
        command = [sys.executable, HERE / 'sbatch', 'run', script, at_once, *jobs]
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    print(f'Submitted batch job {number}')


def run(script: str, at_once: str, *jobs: str) -> None:
    running: dict[str, subprocess.Popen] = {}
    waiting = list(jobs)
    while waiting or running:
        while waiting and len(running) < int(at_once):
            job = waiting.pop(0)
            if state(job) != 'PENDING':
                continue
            number, _, index = job.partition('_')
            names = {'SLURM_ARRAY_JOB_ID': number, 'SLURM_ARRAY_TASK_ID': index} if index else {}
            environment = {**os.environ, 'SLURM_JOB_ID': number, 'SLURM_PROCID': '0', 'SLURM_LOCALID': '0', **names}
            running[job] = subprocess.Popen(['bash', script], env=environment)
            (HERE / f'{job}.pid').write_text(str(running[job].pid))
            state(job, 'RUNNING')
        for job, process in list(running.items()):
            if process.poll() is not None:
                del running[job]
                requeued = HERE / f'{job}.requeue'
                if requeued.exists():
                    requeued.rename(HERE / f'{job}.requeued')
                    state(job, 'PENDING')
                    waiting.append(job)
                elif state(job) == 'RUNNING':
                    state(job, 'COMPLETED' if process.returncode == 0 else 'FAILED')
        time.sleep(0.1)


def srun(*words: str) -> None:
    rest = [word for word in words if word != '--unbuffered']
    while rest[0].startswith('--'):
        rest = rest[2:]
    os.execvp(rest[0], rest)


def sacct(*words: str) -> None:
    print('JobID|State|NodeList')
    for path in HERE.glob('*.state'):
        print(f'{path.stem}|{path.read_text()}|here')


def scancel(*words: str) -> None:
    with open(HERE / 'scancel.log', 'a') as log:
        log.write(' '.join(words) + '\n')
    for job in (word for word in words if not word.startswith('--')):
        if state(job) == 'PENDING':
            state(job, 'CANCELLED by 0')


def scontrol(action: str, job: str) -> None:
    (HERE / f'{job}.{action}').touch()


def state(job: str, new: str = '') -> str:
    path = HERE / f'{job}.state'
    if new:
        path.with_suffix('.new').write_text(new)
        path.with_suffix('.new').rename(path)
    return path.read_text()


if __name__ == '__main__':
    command, arguments = Path(sys.argv[0]).name, sys.argv[1:]
    if arguments[:1] == ['run']:
        run(*arguments[1:])
    else:
        {'sbatch': sbatch, 'srun': srun, 'sacct': sacct, 'scancel': scancel, 'scontrol': scontrol}[command](*arguments)
