"""Time spent in training steps, without compilation, evaluation and saving."""

import time


class Stopwatch:
    """Seconds of training and the images trained in them."""

    def __init__(self, seconds: float = 0.0, images: int = 0):
        self.seconds, self.images = seconds, images
        self._started: float | None = None

    def start(self) -> None:
        """Start measuring, unless it is under way."""
        if self._started is None:
            self._started = time.perf_counter()

    def stop(self, discard: bool = False) -> None:
        """Add the time since the start, or with `discard` forget it."""
        if self._started is not None and not discard:
            self.seconds += time.perf_counter() - self._started
        self._started = None

    @property
    def images_per_s(self) -> float | None:
        """Training speed; None before any image was counted."""
        return self.images / self.seconds if self.images else None
