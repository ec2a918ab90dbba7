"""Where metrics go besides metrics.jsonl. A sink may fail; the run goes on and says so once."""

import netrc
import os
import sys
from collections.abc import Callable
from pathlib import Path

from cnn_bench.errors import UserError


def _has_key() -> bool:
    """Whether there is a key: in the environment or where `wandb login` puts it."""
    try:
        logins = netrc.netrc().hosts
    except (OSError, netrc.NetrcParseError):
        logins = {}
    return 'WANDB_API_KEY' in os.environ or 'api.wandb.ai' in logins


class Wandb:
    """Weights & Biases, offline where there is no key."""

    def __init__(self, project: str, name: str, config: dict, directory: Path):
        try:
            import wandb
        except ImportError as error:
            raise UserError("config.wandb.enabled needs wandb: pip install 'cnn_bench[wandb]'") from error
        mode = os.environ.get('WANDB_MODE', 'online' if _has_key() else 'offline')
        self._run = self._try(
            lambda: wandb.init(project=project, name=name, config=config, dir=str(directory), mode=mode)
        )

    def log(self, rows: list[dict]) -> None:
        """Send rows of metrics.jsonl: `train` and `eval` rows as groups of their own, by step."""
        for row in rows:
            values = {f'{row["kind"]}/{name}': v for name, v in row.items() if name not in ('kind', 'step')}
            self._try(lambda values=values, row=row: self._run.log({**values, 'step': row['step']}))

    def finish(self, summary: dict) -> None:
        """Send the summary and close."""
        self._try(lambda: self._run.summary.update(summary))
        self._try(lambda: self._run.finish())

    def _try(self, action: Callable):
        if getattr(self, '_run', True) is None:
            return None
        try:
            return action()
        except Exception as error:  # whatever a service does must not end a run
            print(f'wandb failed and is left out from here on: {error}', file=sys.stderr)
            self._run = None
            return None
