"""The errors that a user can mend or must know of: one clear line, and the exit status that goes with it."""

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches

# What something is called elsewhere -> what it is called here, where the letters do not tell.
ELSEWHERE = {
    **dict.fromkeys(('lr', 'base_lr', 'max_lr', 'peak_lr', 'init_lr', 'rate', 'step_size', 'eta'), 'learning_rate'),
    **dict.fromkeys(('wd', 'l2', 'weight_penalty'), 'weight_decay'),
    **dict.fromkeys(('bs', 'batch', 'train_batch_size', 'per_device_batch_size'), 'batch_size'),
    **dict.fromkeys(('epochs', 'epoch', 'n_epochs', 'num_epochs', 'max_epochs'), 'total_epochs'),
    **dict.fromkeys(('steps', 'n_steps', 'num_steps', 'max_steps', 'iterations', 'iters'), 'total_steps'),
    **dict.fromkeys(('warmup', 'warm_up', 'warmup_steps'), 'warmup_epochs'),
    **dict.fromkeys(('patience', 'early_stopping'), 'early_stop_patience'),
    **dict.fromkeys(('clip', 'grad_clip', 'clip_grad', 'max_norm', 'max_grad_norm', 'gradient_clip'), 'clip_norm'),
    **dict.fromkeys(('beta1', 'beta_1'), 'b1'),
    **dict.fromkeys(('beta2', 'beta_2'), 'b2'),
    **dict.fromkeys(('smoothing', 'ls'), 'label_smoothing'),
    **dict.fromkeys(('network', 'net', 'architecture', 'backbone'), 'arch'),
    **dict.fromkeys(('drop', 'drop_rate', 'p_drop', 'keep_prob'), 'dropout'),
    **dict.fromkeys(('nonlinearity', 'act_fn', 'activation_fn'), 'act'),
    **dict.fromkeys(('multiplier', 'width_mult', 'channels_multiplier'), 'width'),
    'mixup': 'mixup_alpha',
    'cutmix': 'cutmix_alpha',
    'ema': 'ema_decay',
    'precision': 'dtype',
    'random_seed': 'seed',
}

_BREAKING = ('Cc', 'Cs', 'Zl', 'Zp')  # control characters, bytes that are not UTF-8, separators of lines, of paragraphs


class UserError(Exception):
    """Bad input. The message says in one line what was wrong, where, and what is allowed. Exit status 2."""

    exit_status = 2

    def __init__(self, message: str):
        super().__init__(printable(message))  # it may quote a file, a name or another error


class RunFailed(UserError):
    """The input was good but the work did not succeed: a run diverged, a trial of a sweep failed. Exit status 1."""

    exit_status = 1


class Stopped(Exception):
    """A signal asked the work to stop; it did, with all of it kept. Exit status 75: a scheduler may start it again."""

    exit_status = 75


def printable(text: object) -> str:
    """`text` on one line and safe for a terminal: control characters, and bytes that are not text, as escapes."""
    breaks = (unicodedata.category(c) in _BREAKING for c in str(text))
    return ''.join(c.encode('unicode_escape').decode() if b else c for c, b in zip(str(text), breaks, strict=True))


def unknown(kind: str, name: str, allowed: Iterable[str]) -> UserError:
    """The error for a `name` that is not among the `allowed` ones of its `kind`, with its nearest matches."""
    allowed = sorted(allowed)
    near = _same_field(name, allowed) or get_close_matches(name, allowed, n=3, cutoff=0.5)
    hint = f'did you mean {" or ".join(near)}?' if near else f'known: {", ".join(allowed) or "none"}'
    return UserError(f'unknown {kind} {name!r}; {hint}')


def _same_field(name: str, allowed: list[str]) -> list[str]:
    """The fields that are called so elsewhere, or in another group: 'optimizer.lr' is 'optimizer.learning_rate'."""
    last = name.rpartition('.')[2].lower().replace('-', '_')
    meant = [known for known in allowed if known.rpartition('.')[2] == ELSEWHERE.get(last, last)]
    return [] if '/' in name else meant[:3]
