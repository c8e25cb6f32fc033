"""The key: found, rotated, and never shown."""

import copy
import pickle
import traceback
from pathlib import Path

import pytest

from ticketadmin.ticketapi.calls import ApiConfig
from ticketadmin.ticketapi.client import TicketApi
from ticketadmin.ticketapi.errors import KeyRefused
from ticketadmin.ticketapi.keys import ApiKey

SECRET = "s3cret-key-9f8e7d"


def test_no_way_of_printing_shows_the_key() -> None:
    key = ApiKey(value=SECRET)
    config = ApiConfig(url="https://crm.example.com", key=key, cookie="cookie-secret")
    api = TicketApi(config)

    printed = " ".join([repr(key), str(key), f"{key}", repr(config), repr(api), repr([key]), repr(vars(api))])

    api.close()
    assert SECRET not in printed
    assert "cookie-secret" not in repr(config)


@pytest.mark.parametrize("copier", [pickle.dumps, copy.copy, copy.deepcopy])
def test_the_key_is_not_copied_into_other_objects(copier: object) -> None:
    with pytest.raises(TypeError):
        copier(ApiKey(value=SECRET))  # type: ignore[operator]


def test_a_changed_key_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("first-key\n", encoding="utf-8")
    key = ApiKey(file=str(file))
    assert key.reveal() == "first-key"

    file.write_text("the-second-key\n", encoding="utf-8")

    assert key.reveal() == "the-second-key"


@pytest.mark.parametrize("content", [None, b"", b"   \n", b"\xff\xfe\x00", "chìa khóa".encode(), b"a\nb"])
def test_a_missing_or_unusable_key_is_refused_without_quoting_it(
    content: bytes | None, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(KeyRefused) as caught:
        ApiKey(file=str(file)).reveal()

    assert caught.value.reason == "no_key"
    assert "chìa" not in "".join(traceback.format_exception(caught.value))


def test_an_answer_that_repeats_the_key_is_masked() -> None:
    assert ApiKey(value=SECRET).mask(f"bad key {SECRET}!") == "bad key •••!"
