"""The key is masked in the CRM's texts in every spelling, and ordinary texts stay as they are."""

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, strategies

from tests.limits import cpu_limit
from ticketadmin.ticketapi.keys import ApiKey
from ticketadmin.ticketapi.replies import NO_JSON, Reply

SECRET = "a+b/C=d'e\"f<g>h&i%j\\k#l;m~n.o_p-q z"


def each(form: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: "".join(map(form, text))


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON of PHP": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON with hex flags of PHP": lambda text: re.sub(
        "[<>&'\"/]", lambda match: f"\\u{ord(match[0]):04X}", text.replace("\\", "\\\\")
    ),
    "JSON, each character": each(lambda one: f"\\u{ord(one):04x}"),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text).replace("/", "\\/"))[3:-3],
    "JSON in JSON, each character": each(lambda one: f"\\\\u{ord(one):04x}"),
    "HTML": html.escape,
    "HTML in HTML": lambda text: html.escape(html.escape(text)),
    "HTML by number": each(lambda one: f"&#{ord(one)};"),
    "HTML by hexadecimal number": each(lambda one: f"&#x{ord(one):X};"),
    "HTML by padded number": each(lambda one: f"&#x000{ord(one):x};"),
    "HTML by number, escaped again": each(lambda one: f"&amp;#{ord(one)};"),
    "HTML by name": lambda text: text.replace("&", "&amp;").replace("/", "&sol;").replace("+", "&plus;"),
    "percent": lambda text: quote(text, safe=""),
    "percent, small letters": lambda text: re.sub(
        "%..", lambda match: match[0].lower(), quote(text, safe="")
    ),
    "percent, each character": each(lambda one: f"%{ord(one):02X}"),
    "percent of percent": lambda text: quote(quote(text, safe=""), safe=""),
    "percent of a form": lambda text: quote(text, safe=" ").replace(" ", "+"),
    "percent in HTML": lambda text: quote(text, safe="").replace("%", "&#37;"),
    "percent in JSON": lambda text: quote(text, safe="").replace("%", "\\u0025"),
    "HTML in JSON": each(lambda one: f"\\u0026#{ord(one)};"),
    "program text": each(lambda one: f"\\x{ord(one):02x}"),
    "octal": each(lambda one: f"\\{ord(one):03o}"),
    "quoted-printable": each(lambda one: f"={ord(one):02X}"),
    "style sheet": each(lambda one: f"\\u{{{ord(one):x}}}"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("secret", [SECRET, "0123456789abcdefABCDEF", "/////////"])
def test_each_spelling_of_the_key_is_masked_and_its_surroundings_kept(spelling: str, secret: str) -> None:
    key = ApiKey(value=secret)
    assert key.mask(f"key «{SPELLINGS[spelling](secret)}» refused") == "key «•••» refused"


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_the_key_survives_in_a_json_answer(spelling: str) -> None:
    spelled = SPELLINGS[spelling](SECRET)
    bodies = [
        json.dumps({"message": spelled, spelled: [{"x": spelled}]}),
        json.dumps({"message": spelled, spelled: [{"x": spelled}]}).replace("/", "\\/"),
        '{"message": "' + spelled + '"}',  # as it stands: JSON's own escapes are decoded
        f"<p>no JSON {spelled}</p>",
    ]
    for body in bodies:
        reply = Reply(500, {}, body.encode(), ApiKey(value=SECRET).mask)
        content = reply.json()
        texts = reply.text if content is NO_JSON else json.dumps(content, ensure_ascii=False)
        for decode in (str, html.unescape, lambda text: html.unescape(html.unescape(text))):
            assert SECRET not in decode(texts)
            assert "•••" in decode(texts)


@given(backslashes=strategies.integers(1, 8), escapes=strategies.booleans(), is_name=strategies.booleans())
def test_backslashes_do_not_hide_the_key_in_a_json_answer(
    backslashes: int, escapes: bool, is_name: bool
) -> None:
    key = ApiKey(value="a&secret&key")
    ampersand = "\\" * min(backslashes, 4) + "u0026"
    spelled = "".join("\\" * backslashes + f"u00{ord(one):02x}" for one in "a&secret&key")
    text = f"a{ampersand}secret{ampersand}key" if escapes else spelled
    body = json.dumps({text: "x"} if is_name else {"message": [text]})

    assert "•••" in json.dumps(Reply(500, {}, body.encode(), key.mask).json(), ensure_ascii=False)


def test_nul_between_letters_does_not_hide_the_key() -> None:
    body = json.dumps({"message": "\0".join("secret-key-1")})

    assert Reply(500, {}, body.encode(), ApiKey(value="secret-key-1").mask).json() == {"message": "•••"}


def test_the_repr_of_an_answer_shows_nothing_unmasked() -> None:
    reply = Reply(500, {"x-echo": SECRET}, SECRET.encode(), ApiKey(value=SECRET).mask)

    assert SECRET not in repr(reply)


def test_the_previous_key_is_masked_as_well(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("the-first-key\n", encoding="utf-8")
    key = ApiKey(file=str(file))
    key.reveal()
    assert key.mask("the-first-key") == "•••"
    file.write_text("a-second-key-of-another-length\n", encoding="utf-8")
    key.reveal()

    assert key.mask("the-first-key a-second-key-of-another-length") == "••• •••"


@pytest.mark.parametrize("secret", ["", "short", "chìa-khóa-dài"])
def test_a_short_word_or_missing_key_masks_nothing(secret: str) -> None:
    assert ApiKey(value=secret).mask("a short text, &amp; 100% chìa-khóa-dài \\u0041") == (
        "a short text, &amp; 100% chìa-khóa-dài \\u0041"
    )


@given(strategies.text(alphabet="abc&%\\/#;ux0123 ạ•", max_size=200))
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert ApiKey(value="quite-another-key").mask(text) == text


@pytest.mark.parametrize("piece", ["\\", "&", "&amp;", "%", "%25", "a+b/C", "&#0", "&#x0000", "\\\\u0026"])
def test_masking_takes_linear_time_in_a_text_resembling_the_key(piece: str) -> None:
    with cpu_limit(8):
        ApiKey(value=SECRET).mask(piece * (2_000_000 // len(piece)))
