"""What a process runs on and with: devices, CPU cores, compilation, memory limits, signals, other processes."""
