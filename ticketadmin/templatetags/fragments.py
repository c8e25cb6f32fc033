"""Parts of a page that are the same for everybody who reads one language: rendered once a process."""

from django import template
from django.template.base import NodeList, Parser, Token
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()


class SameForAll(template.Node):
    """Renders its content once per language, with an empty context: nothing of a person can get into it."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist
        self._rendered: dict[str | None, SafeString] = {}

    def render(self, context: template.Context) -> SafeString:
        """Return the content; two threads may both render it the first time, to the same text."""
        language = get_language()
        if language not in self._rendered:
            self._rendered[language] = self.nodelist.render(context.new())
        return self._rendered[language]


@register.tag
def same_for_all(parser: Parser, token: Token) -> SameForAll:
    """Mark a part that uses no variable of the page: `{% same_for_all %}…{% endsame_for_all %}`."""
    nodelist = parser.parse(["endsame_for_all"])
    parser.delete_first_token()
    return SameForAll(nodelist)
