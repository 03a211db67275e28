"""A setting as the text of an environment variable."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr
from pydantic_core import to_jsonable_python

from scorekeeper.locations import ObjectUrl


def spell(value: Any) -> str:
    """A value as an environment variable: empty for None, JSON for lists and mappings."""
    plain = _to_json(value)
    if plain is None:
        return ""
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _to_json(value: Any) -> Any:
    """A value as JSON has it, secrets in plain text."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, ObjectUrl):
        return str(value)
    if isinstance(value, Mapping):
        return {str(_to_json(key)): _to_json(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_to_json(one) for one in value]
    return to_jsonable_python(value)
