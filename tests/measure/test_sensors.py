"""Power, clock and temperature from a library that plays NVML, and without one."""

import sys
from types import SimpleNamespace

import pytest

from cnn_bench.measure.sensors import Meter, Sensors


@pytest.fixture
def nvml(monkeypatch):
    """A device at 300 W, in a world where time passes when somebody sleeps or `module.now` is changed."""

    def sleep(seconds):
        module.now += seconds

    clock = SimpleNamespace(monotonic=lambda: module.now, sleep=sleep)
    monkeypatch.setattr('cnn_bench.measure.sensors.time', clock)
    module = SimpleNamespace(
        now=5.0,
        NVML_CLOCK_SM=1,
        NVML_TEMPERATURE_GPU=0,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByIndex=lambda number: number,
        nvmlDeviceGetTotalEnergyConsumption=lambda handle: round(300e3 * module.now),
        nvmlDeviceGetPowerUsage=lambda handle: 70_000,
        nvmlDeviceGetClockInfo=lambda handle, kind: 1980 if kind == 1 else None,
        nvmlDeviceGetMemoryInfo=lambda handle: SimpleNamespace(free=5 << 30),
    )
    monkeypatch.setitem(sys.modules, 'pynvml', module)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '1,0')
    return module


def test_what_there_is_is_read(nvml):
    sensors = Sensors.for_platform('gpu')
    assert sensors._handle == 1
    assert (sensors.power_w(), sensors.clock_mhz(), sensors.free_bytes()) == (70.0, 1980, 5 << 30)
    assert sensors.temperature_c() is None  # this one has no such function
    with Meter(sensors) as meter:
        nvml.now += 2.0
    assert meter.power_w == pytest.approx(300)
    assert sensors.idle_power_w(1.0) == pytest.approx(300)


def test_without_a_count_of_energy_there_is_no_power(nvml):
    del nvml.nvmlDeviceGetTotalEnergyConsumption
    with Meter(Sensors.for_platform('gpu')) as meter:
        nvml.now += 2.0
    assert meter.power_w is None
    assert Sensors.for_platform('gpu').idle_power_w(1.0) == pytest.approx(70)


def test_a_machine_without_sensors_has_none(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pynvml', None)
    for sensors in (Sensors.for_platform('gpu'), Sensors.for_platform('cpu')):
        assert sensors.idle_power_w() is sensors.clock_mhz() is sensors.temperature_c() is sensors.free_bytes() is None
