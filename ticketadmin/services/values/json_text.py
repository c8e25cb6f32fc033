"""JSON values as text in a form, and back."""

import json
import math
from collections.abc import Iterator

from ticketadmin.services.values.browser import renderable
from ticketadmin.services.values.fields import Value


def json_text(value: Value, *, sort_keys: bool = False) -> str:
    """Return a value as a user reads it: a string as it is, everything else as JSON in one line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=sort_keys)
    return renderable(text)


def read_json(text: str) -> Value:
    """Return the JSON value in a text. Raises ValueError for what no database, page or CRM can hold.

    That is: text that is not JSON, NaN and numbers beyond a double, NUL and half of a surrogate pair, and
    nesting too deep for the parser.
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
        if any(_is_unstorable(scalar) for scalar in _scalars(value)):
            raise ValueError(text)
    except RecursionError as error:
        raise ValueError(text) from error
    return value


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _is_unstorable(scalar: Value) -> bool:
    if isinstance(scalar, float):
        return not math.isfinite(scalar)
    return isinstance(scalar, str) and scalar != renderable(scalar)


def _scalars(value: Value) -> Iterator[Value]:
    """Yield every scalar and every key in a value, without recursion."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
        else:
            yield one


def is_number(value: Value) -> bool:
    """Return whether the value is a JSON number; to Python, true and false are integers too."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_container(value: Value) -> bool:
    """Return whether the value is a JSON object or list."""
    return isinstance(value, (dict, list))
