"""Files of keys and certificates that TLS cannot load: each mistake in the words of Postfix 3.7.11.

tests/live/test_util_suites.py puts the same files, and rows of these objects at random, to the original.
"""

from __future__ import annotations

from pathlib import Path

import chain_texts as t
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.check.postfix.chains import chains
from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink
from mailconf.files import Memory, Root, Tree
from mailconf.postfix.settings.chain_files import BadPem, ChainFile, chain_problems, pair_problems, pem_objects
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of

NEXT, BEFORE = "does not match next certificate", "error loading certificate chain: key at index"
CHAINS = [
    ([t.KEY_A + t.CERT_A], []),
    ([t.KEY_A + t.CERT_A + t.CERT_B + t.KEY_D + t.CERT_D], []),
    ([t.KEY_A, t.CERT_A], []),
    ([t.TEXT + t.OLD_KEY_A.replace("\n", " \r\n") + t.TEXT + t.CERT_A], []),
    (["", t.KEY_A + t.CERT_A], []),
    ([t.CERT_A + t.KEY_A], ["error loading chain from f1: key not first"]),
    ([t.KEY_A + t.CERT_B], [f"key at index 1 in f1 {NEXT}"]),
    ([t.KEY_A + t.CERT_D], [f"key at index 1 in f1 {NEXT}"]),
    ([t.KEY_A, t.CERT_B], [f"key at index 1 in f1 {NEXT}"]),
    ([t.KEY_A + t.CERT_B + t.KEY_D + t.CERT_D], [f"{BEFORE} 1 in f1 does not match the certificate"]),
    ([t.KEY_D + t.CERT_D, t.KEY_A + t.CERT_B], [f"key at index 1 in f2 {NEXT}"]),
    ([t.KEY_A + t.KEY_D + t.CERT_D], [f"{BEFORE} 1 in f1 not followed by a certificate"]),
    ([t.KEY_A + t.CERT_A + t.KEY_D], ["No certs for key at index 3 in f1"]),
    ([t.KEY_A + t.CERT_A, t.KEY_D], ["No certs for key at index 1 in f2"]),
    # Of each algorithm there is one key, and the words are those of a key that does not match.
    ([t.KEY_A + t.CERT_A + t.KEY_B + t.CERT_B], [f"key at index 3 in f1 {NEXT}"]),
    (
        [t.KEY_A + t.CERT_A + t.OLD_KEY_A + t.CERT_A + t.KEY_D + t.CERT_D],
        [f"{BEFORE} 3 in f1 does not match the certificate"],
    ),
    ([t.TEXT], ["No PEM data in f1"]),
    (["", ""], ["No PEM data in f1 f2"]),
    ([t.PARAMETERS_A + t.KEY_A + t.CERT_A], ["loading f1: ignoring PEM type: EC PARAMETERS"]),
    (
        [t.LOCKED_A + t.CERT_A],
        ["loading f1: ignoring PEM type: ENCRYPTED PRIVATE KEY", "error loading chain from f1: key not first"],
    ),
    ([t.OLD_LOCKED_A + t.CERT_A], ["error loading private key (PEM object number 1) from f1"]),
    ([t.KEY_A + t.BROKEN_CERT], ["error loading certificate (PEM object number 2) from f1"]),
    ([t.KEY_A + t.EMPTY_CERT], ["error loading certificate (PEM object number 2) from f1"]),
    ([t.KEY_A + t.INDENTED_CERT], ["No certs for key at index 1 in f1"]),
    ([t.KEY_A + t.NO_END], ["error loading f1: an object has no end"]),
    ([t.KEY_A + t.OTHER_END], ["error loading f1: an object's last line does not fit its first one"]),
    ([t.KEY_A + t.NO_BASE64], ["error loading f1: an object's lines are no base64"]),
]


@pytest.mark.parametrize(("texts", "expected"), CHAINS)
def test_a_list_of_files(texts: list[str], expected: list[str]) -> None:
    files = [ChainFile(f"f{number}", text.encode()) for number, text in enumerate(texts, 1)]
    assert [p.text for p in chain_problems(" ".join(file.name for file in files), files)] == expected


MIXED = [
    (t.KEY_A + t.CERT_A, []),
    (t.CERT_A + t.CERT_B + t.KEY_A, []),
    (t.CERT_A + t.KEY_A + t.CERT_B, []),
    (t.PARAMETERS_A + t.CERT_A + t.KEY_A, []),
    (t.CERT_A + t.KEY_A + t.KEY_B, ["ignoring 2nd key at index 3 in f after 1st at 2"]),
    (t.KEY_A + t.KEY_A + t.CERT_A, ["ignoring 2nd key at index 2 in f after 1st at 1"]),
    (t.CERT_B + t.CERT_A + t.KEY_A, ["key at index 3 in f does not match next certificate"]),
    (t.CERT_A, ["No private key found in f"]),
    (t.LOCKED_A + t.CERT_A, ["No private key found in f"]),
    (t.KEY_A, ["No certs for key at index 1 in f"]),
    ("", ["No PEM data in f"]),
]


@pytest.mark.parametrize(("text", "expected"), MIXED)
def test_one_file(text: str, expected: list[str]) -> None:
    file = ChainFile("f", text.encode())
    assert [p.text for p in pair_problems("ECDSA", file, file)] == expected


PAIRS = [
    (t.CERT_A, t.KEY_A, []),
    (t.CERT_A + t.CERT_B, t.PARAMETERS_A + t.OLD_KEY_A, []),
    (t.CERT_B + t.CERT_A, t.KEY_A, ["RSA private key in k does not match public key in c"]),
    (t.CERT_A, t.KEY_D, ["RSA private key in k does not match public key in c"]),
    (t.CERT_A, t.CERT_A, ['cannot get RSA private key from file "k"']),
    (t.CERT_A, t.LOCKED_A, ['cannot get RSA private key from file "k"']),
    (t.CERT_A, t.OLD_LOCKED_A, ['cannot get RSA private key from file "k"']),
    (t.KEY_A, t.KEY_A, ['cannot get RSA certificate from file "c"']),
    (t.CERT_A + t.NO_END, t.KEY_A, ['cannot get RSA certificate from file "c"']),
    (t.BROKEN_CERT, t.KEY_A, ['cannot get RSA certificate from file "c"']),
]


@pytest.mark.parametrize(("certificate", "key", "expected"), PAIRS)
def test_two_files(certificate: str, key: str, expected: list[str]) -> None:
    found = pair_problems("RSA", ChainFile("c", certificate.encode()), ChainFile("k", key.encode()))
    assert [p.text for p in found] == expected


@given(st.lists(st.sampled_from([b"-----BEGIN X-----\n", b"-----END X-----\n", b"MAA=\n", b"a: b\n", b"\n", b"\xff"])))
def test_any_text_is_read_or_broken(parts: list[bytes]) -> None:
    try:
        for item in pem_objects(b"".join(parts)):
            assert item.label == "X"
    except BadPem:
        pass


FILES = {
    "/c/a.pem": t.CERT_A,
    "/c/a.key": t.KEY_A,
    "/c/d.key": t.KEY_D,
    "/c/both": t.KEY_A + t.CERT_A,
    "/c/bad": t.CERT_A,
}


def found(main_cf: str, master_cf: str = "", root: Tree | None = None) -> list[tuple[str, str]]:
    """Where check finds what, as parameter and file."""
    texts = {"/etc/postfix/main.cf": main_cf, "/etc/postfix/master.cf": master_cf, **FILES}
    sink, tree = Sink(), root or Memory(texts)
    configuration = Configuration.load("/etc/postfix", sink, tree)
    subject = Subject(configuration, site_of(configuration), tree, [], lambda name: True, configuration.postfix)
    chains(subject, sink)
    places = [(Path(d.span.source.name).name if d.span else "", d.message) for d in sink if d.code == "CK091"]
    assert all(d.hint for d in sink)
    return places


OFF = "TLS is switched off"
NOT_FIRST = f"smtpd_tls_chain_files: error loading chain from /c/bad: key not first: {OFF}"


@pytest.mark.parametrize(
    ("main_cf", "expected"),
    [
        ("smtpd_tls_chain_files = /c/both\nsmtp_tls_cert_file = /c/a.pem\nsmtp_tls_key_file = /c/a.key\n", []),
        ("smtpd_tls_chain_files = /c/bad\n", [NOT_FIRST]),
        # The others have no effect beside it.
        ("smtpd_tls_chain_files = /c/both\nsmtpd_tls_cert_file = /c/a.pem\n", []),
        ("smtpd_tls_cert_file = /c/bad\n", [f"smtpd_tls_cert_file: No private key found in /c/bad: {OFF}"]),
        (
            "lmtp_tls_eccert_file = /c/a.pem\nlmtp_tls_eckey_file = /c/d.key\n",
            [f"lmtp_tls_eccert_file: ECDSA private key in /c/d.key does not match public key in /c/a.pem: {OFF}"],
        ),
        ("smtpd_tls_cert_file = none\nsmtpd_tls_key_file = /c/d.key\n", []),
        ("smtpd_tls_key_file = /c/d.key\n", []),
        ("smtpd_tls_cert_file = /c/missing\n", []),  # CK061
        ("smtpd_tls_cert_file = relative\n", []),
        ("smtpd_tls_cert_file = $empty\nempty =\n", []),
    ],
)
def test_what_check_reports(main_cf: str, expected: list[str]) -> None:
    assert found(main_cf) == [("main.cf", text) for text in expected]


def test_a_service_is_reported_where_it_stands() -> None:
    services = "smtp inet n - n - - smtpd\n587 inet n - n - - smtpd -o smtpd_tls_chain_files=/c/bad\n"
    assert found("smtpd_tls_chain_files = /c/both\n", services) == [("master.cf", NOT_FIRST)]


def test_a_key_that_this_user_may_not_read_is_not_reported(tmp_path: Path) -> None:
    (tmp_path / "etc/postfix").mkdir(parents=True)
    (tmp_path / "etc/postfix/main.cf").write_text("smtpd_tls_chain_files = /folder\n")
    (tmp_path / "etc/postfix/master.cf").write_text("")
    (tmp_path / "folder").mkdir()
    assert found("", root=Root(tmp_path)) == []
