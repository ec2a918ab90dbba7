"""A worker without a network, for tests: it speaks the protocol of cnn_bench/measure/worker.py and computes nothing.

    python fake_worker.py DIR [ARCH=BEHAVIOUR ...]

It appends every request of a case to DIR/requests.jsonl. A call takes `batch` milliseconds by its word; it sleeps for
DIR/pause seconds, if there is such a file. A network's BEHAVIOUR is one of `dies` (as where memory runs out, in a batch
of 2 and more), `refuses`, `hangs`, `babbles`, `dies_timing`, or `alone`: it has no room beside another network.
"""

import json
import os
import sys
import time
from pathlib import Path

directory, behaviours = Path(sys.argv[1]), dict(word.split('=') for word in sys.argv[2:])
cases, sign = [], directory / f'alive-{os.getpid()}'


def log(do, case):
    with open(directory / 'requests.jsonl', 'a') as file:
        line = {'do': do, 'pid': os.getpid(), **{k: case[k] for k in ('arch', 'batch', 'framework')}}
        file.write(json.dumps(line) + '\n')


def others() -> list[Path]:
    return [path for path in directory.glob('alive-*') if path != sign and Path('/proc', path.name[6:]).exists()]


def prepare(case):
    log('prepare', case)
    cases.append(case)
    behaviour = behaviours.get(case['arch'])
    if behaviour == 'alone' and others():
        return {'error': {'status': 'out_of_memory', 'reason': 'no room beside others'}}
    sign.touch()
    if behaviour == 'dies' and case['batch'] >= 2:
        print('terminate called', 'what():  std::bad_alloc', sep='\n', file=sys.stderr, flush=True)
        os.abort()
    if behaviour == 'refuses':
        return {'error': {'status': 'unsupported', 'reason': 'no such network'}}
    if behaviour == 'hangs':
        time.sleep(600)
    if behaviour == 'babbles':
        return 'a library prints'
    return {'ok': {'compile_s': 1.5, 'first_call_s': 0.5, 'warmup_calls': 3, 'memory_planned_bytes': 10, 'params': 7}}


def timed(request):
    case = cases[request['case']]
    if behaviours.get(case['arch']) == 'dies_timing':
        sys.exit('some last words')
    if not request['copy']:
        log('time', case)
    pause = directory / 'pause'
    time.sleep(float(pause.read_text()) if pause.exists() else 0)
    call = 1e-3 * case['batch']
    return {'ok': {'seconds': [call, 1.1 * call, 1.2 * call], 'warmup_calls': 1}}


for line in sys.stdin:
    request = json.loads(line)
    if request['do'] == 'machine':
        answer = {'ok': {'platform': 'cpu', 'device': 'a processor', 'threads': 2, 'versions': {}}}
    elif request['do'] == 'prepare':
        answer = prepare(request['case'])
    elif request['do'] == 'peak':
        answer = {'ok': {'matrix_flop_per_s': 1e12, 'copy_bytes_per_s': 1e10}}
    else:
        answer = timed(request)
    print(json.dumps(answer), flush=True)
sign.unlink(missing_ok=True)
