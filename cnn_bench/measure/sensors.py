"""Power, clock and temperature of an NVIDIA GPU, by NVML. Where there is no sensor everything is None, never 0."""

import importlib
import os
import time
from typing import Any

IDLE_S = 3.0  # for which the idle power is measured
POLL_S = 0.05


class Sensors:
    """The sensors of the first GPU that this process may see; `for_platform` makes one."""

    def __init__(self, nvml: Any = None, handle: Any = None):
        self._nvml, self._handle = nvml, handle

    @classmethod
    def for_platform(cls, platform: str) -> 'Sensors':
        """Those of the device: without any on a CPU, and where nvidia-ml-py or the driver is missing."""
        if platform != 'gpu':
            return cls()
        try:
            nvml = importlib.import_module('pynvml')  # of nvidia-ml-py
            nvml.nvmlInit()
            return cls(nvml, _first_visible(nvml))
        except Exception:  # no package, no driver, no permission: no sensor
            return cls()

    def energy_j(self) -> float | None:
        """Joules that the device has taken since its driver was loaded."""
        millijoules = self._read('nvmlDeviceGetTotalEnergyConsumption')
        return None if millijoules is None else millijoules / 1e3

    def power_w(self) -> float | None:
        """Watts that it takes now, by its own average."""
        milliwatts = self._read('nvmlDeviceGetPowerUsage')
        return None if milliwatts is None else milliwatts / 1e3

    def clock_mhz(self) -> float | None:
        """The clock of its multiprocessors."""
        return self._read('nvmlDeviceGetClockInfo', 'NVML_CLOCK_SM')

    def temperature_c(self) -> float | None:
        """Degrees Celsius."""
        return self._read('nvmlDeviceGetTemperature', 'NVML_TEMPERATURE_GPU')

    def free_bytes(self) -> int | None:
        """Bytes of its memory that nothing uses."""
        found = self._read('nvmlDeviceGetMemoryInfo')
        return None if found is None else int(found.free)

    def idle_power_w(self, seconds: float = IDLE_S) -> float | None:
        """Mean watts over `seconds` in which nothing runs on it."""
        began, before, watts = time.monotonic(), self.energy_j(), []
        if before is None and self.power_w() is None:
            return None
        while time.monotonic() - began < seconds:
            watts.append(self.power_w())
            time.sleep(POLL_S)
        after = self.energy_j()
        if before is not None and after is not None and after > before:
            return (after - before) / (time.monotonic() - began)
        known = [each for each in watts if each is not None]
        return sum(known) / len(known) if known else None

    def _read(self, function: str, *constants: str) -> Any:
        if self._nvml is None:
            return None
        try:
            arguments = [getattr(self._nvml, name) for name in constants]
            return getattr(self._nvml, function)(self._handle, *arguments)
        except Exception:  # this device has no such sensor
            return None


class Meter:
    """Measures the mean power between `__enter__` and `__exit__` from the device's own count of energy."""

    def __init__(self, sensors: Sensors):
        self._sensors = sensors
        self.power_w: float | None = None

    def __enter__(self) -> 'Meter':
        self._began, self._before = time.monotonic(), self._sensors.energy_j()
        return self

    def __exit__(self, *exception) -> None:
        after, seconds = self._sensors.energy_j(), time.monotonic() - self._began
        if self._before is not None and after is not None and after > self._before:
            self.power_w = (after - self._before) / seconds


def _first_visible(nvml: Any) -> Any:
    """The handle of the first GPU that CUDA shows to processes here."""
    named = os.environ.get('CUDA_VISIBLE_DEVICES', '0').split(',')[0].strip()
    if named.isdecimal():
        return nvml.nvmlDeviceGetHandleByIndex(int(named))
    return nvml.nvmlDeviceGetHandleByUUID(named)
