"""Parts of pages that are rendered once for equal values, and what is put into them every time."""

from dataclasses import dataclass, field

import pytest
from django.template import TemplateSyntaxError, engines
from django.utils import translation
from django.utils.html import conditional_escape
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from ticketadmin.templatetags.fragments import MAX_KEPT


@dataclass(frozen=True)
class Reader:
    """A value that a part depends on; it counts how often it was rendered."""

    name: str
    _times: list[str] = field(default_factory=list, compare=False)

    def shown(self) -> str:
        self._times.append(self.name)
        return self.name


def part(content: str, names: str = "reader=reader later here=here token=token"):  # type: ignore[no-untyped-def]
    return engines["django"].from_string(
        "{% load fragments i18n %}{% same_for " + names + " %}" + content + "{% endsame_for %}"
    )


def test_equal_values_share_a_rendering_and_others_get_their_own() -> None:
    template, times = part("{{ reader.shown }} {% translate 'Save' %}"), list[str]()

    pages = [template.render({"reader": Reader(name, times)}) for name in ("Lan", "Minh", "Lan", "Minh")]
    with translation.override("vi"):
        vietnamese = template.render({"reader": Reader("Lan", times)})

    assert pages == ["Lan Save", "Minh Save", "Lan Save", "Minh Save"]
    assert vietnamese == "Lan Lưu"
    assert times == ["Lan", "Minh", "Lan"]


def test_later_values_are_inserted_escaped_each_time() -> None:
    template = part('<a href="{{ here }}">{{ reader.name }}</a>{{ token }}{{ here }}')

    first = template.render({"reader": Reader("Lan"), "here": "/a/?b=1&c=2", "token": "one"})
    second = template.render({"reader": Reader("Lan"), "here": '"><script>', "token": "here"})

    assert first == '<a href="/a/?b=1&amp;c=2">Lan</a>one/a/?b=1&amp;c=2'
    assert second == '<a href="&quot;&gt;&lt;script&gt;">Lan</a>here&quot;&gt;&lt;script&gt;'


def test_content_sees_nothing_but_the_named_values() -> None:
    template = part("{{ user }}{{ reader.name }}{% if perms %}!{% endif %}")

    assert template.render({"reader": Reader("Lan"), "user": "Minh", "perms": True}) == "Lan"


def test_an_unused_value_is_not_computed() -> None:
    asked: list[str] = []

    part("{{ reader.name }}").render({"reader": Reader("Lan"), "token": lambda: asked.append("token")})

    assert asked == []


def test_renderings_are_limited_in_number() -> None:
    template, times = part("{{ reader.shown }}"), list[str]()

    for name in ["first", *map(str, range(MAX_KEPT)), "first", "first"]:
        assert template.render({"reader": Reader(name, times)}) == name

    assert times.count("first") == 2


def test_translated_values_of_one_language_do_not_affect_another() -> None:
    template = part("{{ reader }} {{ number }}", "reader=reader number=number")
    saved = gettext_lazy("Save")

    for language, text in [("vi", "Lưu"), ("en", "Save"), ("vi", "Lưu")]:
        with translation.override(language):
            for number in range(MAX_KEPT + 2):
                page = template.render({"reader": saved, "number": number})
                assert page == f"{text} {number}"


@pytest.mark.parametrize("names", ["", "reader", "later here=here", "reader=reader here", "a=a later B1=b"])
def test_a_malformed_tag_is_refused(names: str) -> None:
    with pytest.raises(TemplateSyntaxError, match="name=value"):
        part("x", names)


def test_several_texts_are_inserted_one_by_one_and_a_code_into_addresses() -> None:
    content = (
        "{% for name, text in names|beside:texts %}{{ name }}={{ text }};{% endfor %}"
        "{% url 'ticket' code %}?{{ code }}"
    )
    template = part(content, "names=names later texts=texts code=code")

    for texts, code in ((("<a>", "b"), "A-1"), (("c", mark_safe("<d>")), "x" * 64), (("", "é"), "0")):
        shown = [conditional_escape(one) for one in texts]
        rendered = template.render({"names": ("one", "two"), "texts": texts, "code": code})
        assert rendered == f"one={shown[0]};two={shown[1]};/tickets/{code}/?{code}"


def test_a_wrong_number_of_texts_is_an_error() -> None:
    template = part(
        "{% for one in names|beside:texts %}{{ one.1 }}{% endfor %}", "names=names later texts=texts"
    )

    assert template.render({"names": (1, 2), "texts": ("a", "b")}) == "ab"
    with pytest.raises(IndexError):
        template.render({"names": (1, 2), "texts": ("a",)})
