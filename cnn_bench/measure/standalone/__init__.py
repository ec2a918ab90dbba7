"""Files that import nothing else of this package, so that they also run under a Python that has PyTorch alone.

serving          how a worker answers requests; calls: how it times; hardware, process_memory: what it runs on
torch_worker     the worker for PyTorch, with torch_case and torch_models
"""
