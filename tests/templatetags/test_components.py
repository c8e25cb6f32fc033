"""The tags that pages are made of."""

import re

import pytest
from django import forms
from django.template import engines
from django.test import RequestFactory
from lucide import IconDoesNotExist
from lucide.templatetags.lucide import lucide

from tests.pages import squeezed
from ticketadmin.models import Tone
from ticketadmin.templatetags.icons import icon


def drawn(source: str, **context: object) -> str:
    template = engines["django"].from_string("{% load components icons %}" + source)
    return squeezed(template.render(context))


@pytest.mark.parametrize("tone", [*Tone, "error", "warning"])
def test_a_banner_has_the_colour_and_an_icon_of_its_tone(tone: str) -> None:
    colour = {"error": "danger", "warning": "warn"}.get(tone, tone)

    html = drawn('{% banner tone role="status" %}<p>{{ text }}</p>{% endbanner %}', tone=tone, text="<b>")

    assert html.startswith(f'<section class="banner banner--{colour}" role="status"><svg')
    assert '<div class="banner__body"><p>&lt;b&gt;</p></div></section>' in html


def test_a_banner_escapes_its_attributes_and_takes_the_focus_where_it_should() -> None:
    source = (
        '{% banner "info" focus=True aria_label=label data_rich_losses=True layout="row" %}x{% endbanner %}'
    )

    html = drawn(source, label='"><script>')

    assert "<script>" not in html
    assert 'aria-label="&quot;&gt;&lt;script&gt;"' in html
    assert ' tabindex="-1"' in html
    assert " data-summary-focus" in html
    assert " data-rich-losses" in html
    assert '<div class="banner__body banner__body--row">x</div>' in html


def test_options_are_selected_where_their_value_is_chosen_or_among_those() -> None:
    html = drawn(
        '{% option "a" label "a" %}{% option "b" "B" many %}{% option "c" "C" many %}',
        label="<A>",
        many=("b",),
    )

    assert html == (
        '<option value="a" selected>&lt;A&gt;</option>'
        '<option value="b" selected>B</option><option value="c">C</option>'
    )


def test_a_checkbox_precedes_its_label() -> None:
    html = drawn('{% check_box "mine" label %}{% check_box "columns" "Due" True value="due" %}', label="<b>")

    assert html == (
        '<label class="check"><input type="checkbox" name="mine" value="on">&lt;b&gt;</label>'
        '<label class="check"><input type="checkbox" name="columns" value="due" checked>Due</label>'
    )


def test_a_link_to_a_file_downloads_it() -> None:
    html = drawn('{% download label "ticket" "A1" %}', label="<CSV>")

    assert html.startswith('<a class="button" href="/tickets/A1/" download><svg')
    assert html.endswith("&lt;CSV&gt;</a>")


def test_a_dialog_of_the_editor_is_named_by_its_title() -> None:
    html = drawn('{% editor_dialog "link" "A link" done="Set" %}<b>{% endeditor_dialog %}')

    assert html.startswith(
        '<dialog class="dialog" data-toolbar-dialog="link" aria-labelledby="editor-link-title">'
        '<form class="form" method="dialog"><h2 id="editor-link-title">A link</h2><b>'
    )
    assert '<button class="button button--primary" value="done">Set</button>' in html
    assert "formnovalidate>Cancel</button>" in html


def test_errors_of_a_field_are_listed_under_the_id_in_aria_describedby() -> None:
    class Form(forms.Form):
        name = forms.CharField(validators=[])
        other = forms.CharField(required=False)

    form = Form({"name": ""})
    form.add_error("name", "<not> this")

    html = drawn("{% field_errors form.name %}{% field_errors form.other %}", form=form)

    assert f'aria-describedby="{form["name"].auto_id}_error"' in str(form["name"])
    assert html.startswith(f'<ul class="field__errors" id="{form["name"].auto_id}_error"><li><svg')
    assert html.count("<li>") == 2
    assert html.count("<ul") == 1
    assert "&lt;not&gt; this" in html


def test_a_form_posts_to_its_route_with_a_token_and_its_submission(rf: RequestFactory) -> None:
    source = (
        '{% post_form "ticket" "A1" submission=once data_busy_once=True class="x" %}<b>{% endpost_form %}'
    )
    template = engines["django"].from_string("{% load components %}" + source)

    html = squeezed(template.render({"once": '">'}, rf.get("/")))

    assert html.startswith('<form action="/tickets/A1/" class="x" method="post" data-busy-once>')
    assert re.search('<input type="hidden" name="csrfmiddlewaretoken" value="[A-Za-z0-9]{64}">', html)
    assert '<input type="hidden" name="submission" value="&quot;&gt;"><b></form>' in html


def test_a_form_without_a_submission_has_no_input_for_it(rf: RequestFactory) -> None:
    template = engines["django"].from_string(
        '{% load components %}{% post_form "session" %}{% endpost_form %}'
    )

    assert "submission" not in template.render({}, rf.get("/"))


def test_one_option_is_selected_and_labels_are_escaped() -> None:
    source = '{% option "en" "English" chosen lang="en" %}{% option "vi" label chosen %}'

    assert drawn(source, chosen="vi", label="<i>") == (
        '<option lang="en" value="en">English</option><option value="vi" selected>&lt;i&gt;</option>'
    )


def test_an_icon_is_hidden_from_screen_readers_and_16_pixels_wide_by_default() -> None:
    html = drawn('{% icon "send" %}{% icon "send" size=20 tone="muted" %}')

    assert html.count('aria-hidden="true"') == 2
    assert 'width="16"' in html
    assert 'width="20"' in html
    assert 'class="icon muted"' in html


@pytest.mark.parametrize("name", ["send", "ticket", "circle-alert", "trash-2"])
def test_an_icon_equals_the_one_of_lucide(name: str) -> None:
    expected = lucide(name, size=18, **{"class": "icon muted", "aria_hidden": "true"})

    assert icon(name, size=18, tone="muted") == expected


def test_an_unknown_icon_is_an_error() -> None:
    with pytest.raises(IconDoesNotExist, match="no-such-icon"):
        icon("no-such-icon")


def test_facts_and_keys_are_list_entries_that_escape_their_texts() -> None:
    html = drawn('{% fact _("Status") value class="mono" %}{% shortcut "j k" _("Next") %}', value="<b>&")

    assert html == (
        '<div><dt>Status</dt><dd class="mono">&lt;b&gt;&amp;</dd></div>'
        '<div><dt><kbd class="key">j</kbd><kbd class="key">k</kbd></dt><dd>Next</dd></div>'
    )


def test_a_toggling_tool_differs_from_one_that_asks_or_removes() -> None:
    toggles = drawn('{% tool "bold" "Bold" icon="bold" toggles=True %}')
    asks = drawn('{% tool "link" "Link" text="L" opens=True %}')
    removes = drawn('{% tool "deleteRow" "Delete" icon="rows-3" removes=True %}')

    assert ' data-toolbar-tool="bold" aria-pressed="false" aria-label="Bold" title="Bold"' in toggles
    assert ' aria-haspopup="dialog"' in asks
    assert '<span aria-hidden="true">L</span>' in asks
    assert (toggles.count("<svg"), asks.count("<svg"), removes.count("<svg")) == (1, 0, 2)
