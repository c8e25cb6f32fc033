"""Cleans the documents of `families` in its own process with little memory, and prints what became of each."""

import gc
import json
import os
import re
import resource
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import django
from django.core.exceptions import ValidationError
from hypothesis import Phase, given, settings, strategies

from tests.limits import cpu_limit

LENGTH = 50_000
MEMORY = 300_000_000
STATM = Path("/proc/self/statm")  # only Linux reports and limits the memory of a process


def fill(head: str, unit: str) -> str:
    """Return `head` and as many of `unit` as there is room for."""
    return head + unit * ((LENGTH - len(head)) // len(unit))


def families() -> dict[str, str]:
    """Return documents, near the longest, whose tree would be huge or deep if their tags were miscounted."""
    hidden = "".join(f"<b a{number}>" for number in range(900))
    ignored = "".join(f"<b a{number}><table><td></b></table>" for number in range(600))
    kinds = "b i u s em strong code small a".split()
    by_direction = "".join(f"<{kind} dir={way}>" * 3 for kind in kinds for way in ("ltr", "rtl", "auto"))
    found = {
        "a stray quote": fill(f'<p ">{hidden}">', "<p>x"),
        "a stray apostrophe": fill(f"<p '>{hidden}'>", "<p>x"),
        "a stray quote behind a slash": fill(f'<p/">{hidden}">', "<p>x"),
        "a stray quote in a name": fill(f'<p a">{hidden}">', "<p>x"),
        "a stray quote in a value": fill(f'<p a=b">{hidden}">', "<p>x"),
        "a stray quote in a large tag": fill(f'<P ">{hidden.upper()}">', "<P>x"),
        "a stray quote in an end tag": fill(f'</p ">{hidden}">', "<p>x"),
        "a stray quote and levels": fill('<p ">', "<div>"),
        "a quote in a comment": fill(f'<!--<a "-->{hidden}<!--">-->', "<p>x"),
        "a quote in a short comment": fill(f'<!--><a b="-->{hidden}<!--">-->', "<p>x"),
        "a quote in a comment ended by --!>": fill(f'<!--<a b="--!>{hidden}<!--">-->', "<p>x"),
        "a quote in a declaration": fill(f'<!x <a b=">{hidden}<!x ">', "<p>x"),
        "a quote in an instruction": fill(f'<?x <a b=">{hidden}<?x ">', "<p>x"),
        "a quote in an end without a name": fill(f'</ <a b=">{hidden}</ ">', "<p>x"),
        "a quote in CDATA": fill(f'<![CDATA[<a b="]]>{hidden}<![CDATA[">]]>', "<p>x"),
        "a NUL": fill(hidden.replace("<b", "<\0b") + hidden.replace("<b", "<b\0"), "<p>x"),
        "a vertical tab": fill(hidden.replace("<b ", "<b\v "), "<p>x"),
        "an end ignored in a cell": fill(f"<div>{ignored}</div>", "<p>x"),
        "an end ignored by a block": fill("", "<span><div></span></div>"),
        "an end taken for another's": fill("", "<i><div></i></div>"),
        "an end beyond eight blocks": fill("", f"<b>{'<div>' * 9}</b>{'</div>' * 9}"),
        "adoptions, many": fill("<b><i><u>" * 3 + "<div>" * 90, "<b></div></b><div>"),
        "adoptions, of all": fill(
            "".join(f"<{kind}>" * 3 for kind in kinds) + "<div>" * 70,
            "".join(f"</{kind}>" for kind in kinds) + "".join(f"<{kind}>" for kind in kinds),
        ),
        "kinds by direction": fill(by_direction, "<p>x"),
        "items of two kinds": fill("", "<dd><li>"),
        "items": fill("<span>" * 95, "<li>"),
        "buttons": fill("<p>" + "".join(f"<{kind}>" * 3 for kind in kinds), "<button><p>x"),
        "a long address": fill('<a href="' + "x" * 20_000 + '">', "<p>x"),
        "links": fill("", "<a href=x>"),
        "links beside cells": fill(
            "<a href=x>" + "".join(f"<{kind}>" * 3 for kind in kinds), "<a><table><a></table></a>"
        ),
        "links beside cells, closed": fill(
            "", "<a><b><i><u><s><em><table><a></table></a></b></i></u></s></em>"
        ),
        "links in tables": fill("", "<a href=x><table><td>"),
        "formatting beside cells": fill("<table>", "<a href=x><b>x<tr>"),
        "formatting in cells": fill("<table>", "<td><b>x"),
        "formatting in captions": fill("", "<table><caption><b>x"),
        "paragraphs in cells": fill("", "<b><p><table><tr><td>"),
        "nobr": fill("<nobr>" * 500, "<p>x"),
        "ruby": fill("", "<ruby><rt><b><rp>"),
    }
    for (
        name
    ) in "marquee applet object button select svg math template noscript form option foreignObject".split():
        found[f"an end ignored in {name}"] = fill(
            f"<div>{ignored.replace('<table><td>', f'<{name}>').replace('</table>', f'</{name}>')}</div>",
            "<p>x",
        )
        found[f"levels of {name}"] = fill("", f"<{name}><p><b>")
    for name in "iframe textarea title style script xmp plaintext noembed noframes noscript".split():
        found[f"a quote in {name}"] = fill(f'<{name}><a b="</{name}>{hidden}<{name}>"></{name}>', "<p>x")
        found[f"an end of {name} in a value"] = fill(f'<a b="<{name}>">{hidden}<a b="</{name}>">', "<p>x")
        found[f"unclosed {name}"] = fill("", f"<{name}>")
    return found


PIECES = [
    *(f"<{slash}{name}>" for slash in ("", "/") for name in "b i a p div span table tr td caption li h1 pre".split()),
    "x", " ", "<a href=/x>", "<td><b>", "<button>", "<svg>", "<select>", "<template>", "<b dir=rtl>",
]  # fmt: skip
CPU_SECONDS = 20  # the worst takes 2 to 6


def limit_memory() -> None:
    """Let this process take MEMORY more than it has now."""
    if STATM.exists():
        in_use = int(STATM.read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
        resource.setrlimit(resource.RLIMIT_AS, (in_use + MEMORY, in_use + MEMORY))


def outcome_of(clean_html: Callable[[str], str], document: str) -> tuple[str, str]:
    """Return the cleaned document and "accepted", or "" and why it was not."""
    try:
        return clean_html(document), "accepted"
    except ValidationError as error:
        return "", str(error.code)


def try_any(clean_html: Callable[[str], str]) -> None:
    """Clean documents of any tags, as long as possible: a head, then one piece repeated."""

    @given(
        strategies.lists(strategies.sampled_from(PIECES), max_size=60).map("".join),
        strategies.lists(strategies.sampled_from(PIECES), min_size=1, max_size=8).map("".join),
    )
    @settings(max_examples=12, deadline=None, phases=[Phase.generate], database=None)
    def check(head: str, unit: str) -> None:
        with cpu_limit(CPU_SECONDS):
            cleaned, result = outcome_of(clean_html, fill(head, unit))
        assert result in {"accepted", "too_deep"}, (head, unit)
        assert len(cleaned) <= 20 * LENGTH, (head, unit)  # each link gets a rel of 38 characters

    check()
    sys.stdout.write("passed\n")


def main() -> None:
    """Write a line of JSON for each family: its name, what became of it, its length, number of tags and depth."""
    django.setup()
    gc.set_threshold(20_000, 20, 20)  # as in tests: collections took a fifth of the time
    clean_html = import_module("ticketadmin.sanitizing").clean_html
    clean_html("<p>x")
    if sys.argv[1:] == ["any"]:
        limit_memory()
        try_any(clean_html)
        return
    limit_memory()
    for name, document in families().items():
        cleaned, result = outcome_of(clean_html, document)
        level = deepest = 0
        for slash, name_of_tag in re.findall("<(/?)([a-z0-9]+)", cleaned):
            level += 0 if name_of_tag in {"br", "col", "hr", "img"} else -1 if slash else 1
            deepest = max(level, deepest)
        sys.stdout.write(json.dumps([name, result, len(cleaned), cleaned.count("<"), deepest]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
