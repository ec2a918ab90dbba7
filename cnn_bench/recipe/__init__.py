"""Recipes: how one network is trained, as an ml_collections ConfigDict.

A recipe is a Python file whose `get_config(arg='')` starts from `base()`, assigns fields, and returns
`variant(config, arg)`. `fields` documents every field.
"""

from cnn_bench.recipe.fields import BN_SCOPES, FIELDS, IMAGENET_LIGHTING, MONITORED, OPEN, base
from cnn_bench.recipe.files import differences, from_dict, is_recipe, load, renamed, to_dict, variant
from cnn_bench.recipe.overrides import override, parse_overrides
from cnn_bench.recipe.validation import call, check_ranges, validate

__all__ = [
    'BN_SCOPES',
    'FIELDS',
    'IMAGENET_LIGHTING',
    'MONITORED',
    'OPEN',
    'base',
    'call',
    'check_ranges',
    'differences',
    'from_dict',
    'is_recipe',
    'load',
    'override',
    'parse_overrides',
    'renamed',
    'to_dict',
    'validate',
    'variant',
]
