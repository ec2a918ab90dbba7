"""A recipe that knows which of its fields were read."""

from ml_collections import ConfigDict


class WatchedConfig(ConfigDict):
    """A ConfigDict that notes in `seen` which of its fields were read."""

    def __init__(self, fields, seen):
        object.__setattr__(self, 'seen', seen)
        super().__init__(fields)

    def __getitem__(self, key):
        object.__getattribute__(self, 'seen').add(key)
        return super().__getitem__(key)
