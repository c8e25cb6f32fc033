"""Path converters: what a ticket code may look like in an address."""

from django.urls import register_converter


class CodeConverter:
    """A ticket code: 1 to 64 letters, digits, `-` and `_` (DESIGN, step 3). Anything else is a 404."""

    regex = "[A-Za-z0-9_-]{1,64}"

    def to_python(self, value: str) -> str:
        """Return the code as it stands."""
        return value

    def to_url(self, value: str) -> str:
        """Return the code as it stands."""
        return value


register_converter(CodeConverter, "code")
