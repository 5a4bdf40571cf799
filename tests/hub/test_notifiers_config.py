"""Notifiers in gengfu.toml: their files, their templates and the address in messages, wrong and right."""

from pathlib import Path

import pytest

from hub.config import ConfigErrors, load

EMAIL = """
[[notifier]]
id = "email"
kind = "email"
host = "smtp.example.org"
username = "gengfu"
password_file = "smtp-password"
sender = "gengfu@example.org"
"""


def loaded(folder: Path, text: str) -> str:
    """What is wrong with it, "" for nothing."""
    (folder / "gengfu.toml").write_text(text, encoding="utf-8")
    try:
        load(folder / "gengfu.toml")
    except ConfigErrors as errors:
        return "\n".join(str(problem) for problem in errors.problems)
    return ""


def test_files_lie_beside_the_configuration_and_must_be_there(tmp_path: Path) -> None:
    wrong = loaded(tmp_path, EMAIL)
    assert "line 7" in wrong or ":7" in wrong, wrong
    assert wrong.endswith('the file "smtp-password" cannot be read: No such file or directory')
    assert wrong.count("\n") == 0, "once"
    assert 'unknown key "tls"; did you mean security = "tls"?' in loaded(tmp_path, EMAIL + "tls = true\n")
    (tmp_path / "smtp-password").write_text("x")
    assert loaded(tmp_path, EMAIL) == ""


def test_the_service_in_a_file_is_checked_as_well(tmp_path: Path) -> None:
    table = '[[notifier]]\nid = "chat"\nkind = "apprise"\nurl_file = "chat-url"\n'
    assert loaded(tmp_path, table).endswith('the file "chat-url" cannot be read: No such file or directory')
    assert loaded(tmp_path, table).count("\n") == 0, "once"
    (tmp_path / "chat-url").write_text("dingtalk://SECx@tok123\n")
    assert loaded(tmp_path, table) == ""
    (tmp_path / "chat-url").write_text("dingtlak://SECx@tok123\n")
    wrong = loaded(tmp_path, table)
    assert "Apprise cannot read this address" in wrong
    assert "tok123" not in wrong


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('templates = { any = "{plaec}" }', 'did you mean "place"?'),
        ('rate = "20/minute"', "is no rate"),
        ('tempaltes = { any = "x" }', 'did you mean "templates"?'),
        ("tls = true", 'unknown key "tls"; it may have'),
    ],
)
def test_a_mistake_is_named_with_the_nearest_word(line: str, said: str, tmp_path: Path) -> None:
    assert said in loaded(tmp_path, f'[[notifier]]\nid = "w"\nkind = "webhook"\nurl = "http://127.0.0.1/"\n{line}\n')


@pytest.mark.parametrize("given", ["hub.example.org", "ftp://hub.example.org", "https://hub.example.org/gengfu"])
def test_a_public_address_that_nobody_could_open_is_refused(given: str, tmp_path: Path) -> None:
    assert "is no address people could open" in loaded(tmp_path, f'[web]\npublic_url = "{given}"\n')
