"""What the options of a sendmail.cf make of STARTTLS for clients: keys, who vouches for clients, versions and ciphers.

`server_tls` looks at the files as sendmail does when it starts: there is no TLS where one of them is missing, may be
read by others, or is of no use; what the log has about that is given with it.

Source: Sendmail Installation and Operation Guide 5.6 (ServerCertFile and its neighbours, ServerSSLOptions, CipherList,
TLSSrvOptions, DontBlameSendmail); sendmail 8.17.1.9 -bD.
"""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING, NamedTuple

from mailconf.model.security import KeyFiles, ServerTls, TlsTerms, TlsVersion
from mailconf.sendmail.rules.safe_path import check_file
from mailconf.sendmail.rules.world import Trusting, Unable

if TYPE_CHECKING:
    from mailconf.files import Root
    from mailconf.sendmail.rules.book import Rulebook

_NEEDED = ("ServerCertFile", "ServerKeyFile", "CACertPath", "CACertFile")
_OFF = {
    "ssl_op_no_tlsv1": TlsVersion.V1_0,
    "ssl_op_no_tlsv1_1": TlsVersion.V1_1,
    "ssl_op_no_tlsv1_2": TlsVersion.V1_2,
    "ssl_op_no_tlsv1_3": TlsVersion.V1_3,
}
_BITS = dict(zip((0x04000000, 0x10000000, 0x08000000, 0x20000000), TlsVersion, strict=True))
_TIMEOUT = 3600.0  # option Timeout.starttls


class Secured(NamedTuple):
    """``tls`` is None where there is none. ``lines`` are sendmail's for the log, ``lacking`` says in plain words why a
    configuration that names keys has no TLS."""

    tls: ServerTls | None
    lines: tuple[str, ...] = ()
    lacking: str = ""


class _Useless(Exception):
    """There can be no TLS; the message is the line for the log."""


def server_tls(book: Rulebook, root: Root) -> Secured:
    """The TLS that clients are offered."""
    values = {name: book.options.get(name, "").strip() for name in _NEEDED}
    if not values["ServerCertFile"] and not values["ServerKeyFile"]:
        return Secured(None)
    missing = [name for name, value in values.items() if not value.startswith("/")]
    if missing:
        return Secured(None, lacking=f"{', '.join(missing)} is not set to a path")
    lines: list[str] = []
    try:
        tls = _made(book, root, values, lines)
    except _Useless as useless:
        return Secured(None, (*lines, f"STARTTLS=server{useless}"))
    return Secured(tls, tuple(lines))


def _made(book: Rulebook, root: Root, values: dict[str, str], lines: list[str]) -> ServerTls:
    """Raises _Useless."""
    certificates, names = (values[name].split(",", 1) for name in ("ServerCertFile", "ServerKeyFile"))
    keys = [KeyFiles(*pair) for pair in zip(certificates, names, strict=False)]
    for pair in keys:
        _look(book, root, pair.certificate, secret=False)
        _look(book, root, pair.key, secret=True)
    _look(book, root, values["CACertFile"], secret=False)
    for pair in keys:
        _load(root, pair)
    _trust(root, values["CACertPath"], values["CACertFile"])
    revoked = _optional(book, root, "CRLFile", lines)
    _optional(book, root, "DHParameters", lines)
    return ServerTls(
        tuple(keys),
        values["CACertFile"],
        values["CACertPath"] if root.is_folder(values["CACertPath"]) else "",
        _terms(book, lines),
        ask="V" not in book.options.get("TLSSrvOptions", ""),
        any=True,
        digest=book.options.get("CertFingerprintAlgorithm", "").strip().lower() or "md5",
        in_header=True,
        logged=1,
        timeout=_TIMEOUT,
        revoked=revoked if _lists_revoked(root, revoked, lines) else "",
    )


def _look(book: Rulebook, root: Root, name: str, *, secret: bool) -> None:
    """Raises _Useless for a file that is not to be believed, or, where it is secret, can be read by others."""
    try:
        _check(book, root, name, secret=secret)
    except Unable as unable:
        raise _Useless(f": file {name} unsafe: {unable.reason}") from unable


def _check(book: Rulebook, root: Root, name: str, *, secret: bool) -> None:
    """Raises Unable."""
    check_file(root, name, trusted_folders(book))
    try:
        mode = root.stat(name).st_mode
    except OSError as failure:
        raise Unable(failure.strerror or str(failure)) from failure
    if secret and mode & (stat.S_IRGRP | stat.S_IROTH) and not book.blames("groupreadablekeyfile"):
        raise Unable("Group readable file")
    if mode & stat.S_IWGRP:
        raise Unable("Group writable file")
    if mode & stat.S_IWOTH:
        raise Unable("World writable file")
    if secret and mode & stat.S_IROTH:
        raise Unable("World readable file")


def trusted_folders(book: Rulebook) -> Trusting:
    """What the configuration allows of the folders of such files."""
    return Trusting(group=book.blames("groupwritabledirpathsafe"), sticky=book.blames("truststickybit"))


def _optional(book: Rulebook, root: Root, option: str, lines: list[str]) -> str:
    """A file that TLS can do without, as sendmail does; "" where there is none that may be believed."""
    name = book.options.get(option, "").strip()
    if not name.startswith("/"):
        return ""
    try:
        _check(book, root, name, secret=False)
    except Unable as unable:
        lines.append(f"STARTTLS=server: file {name} unsafe: {unable.reason}")
        return ""
    return name


def _lists_revoked(root: Root, name: str, lines: list[str]) -> bool:
    """Whether a file lists certificates that are revoked."""
    import ssl

    if not name:
        return False
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(root.real(name))
    except (OSError, ValueError):
        lines.append(f"STARTTLS=server: CRLFile is not served: {name} has no list of revoked certificates")
        return False
    return True


def _load(root: Root, pair: KeyFiles) -> None:
    """Raises _Useless for a certificate, or a key, that the TLS library does not take."""
    import ssl

    try:
        text = root.read(pair.certificate).decode("latin-1")
    except OSError as failure:
        raise _Useless(f": file {pair.certificate} unsafe: {failure.strerror}") from failure
    if not re.search(r"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----", text):
        raise _Useless(f", error: SSL_CTX_use_certificate_file({pair.certificate}) failed")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # A key that is encrypted is of no use: nobody is there who could be asked for its password.
        context.load_cert_chain(root.real(pair.certificate), root.real(pair.key), password=lambda: "")
    except ssl.SSLError as error:
        if error.reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"):
            raise _Useless(f", error: SSL_CTX_check_private_key failed({pair.key}): 0") from error
        raise _Useless(f", error: SSL_CTX_use_PrivateKey_file({pair.key}) failed") from error
    except (OSError, ValueError) as error:
        raise _Useless(f", error: SSL_CTX_use_PrivateKey_file({pair.key}) failed") from error


def _trust(root: Root, folder: str, file: str) -> None:
    """Raises _Useless."""
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(root.real(file))
    except (OSError, ValueError) as error:
        raise _Useless(f", error: load verify locs {folder}, {file} failed: 0") from error


def _terms(book: Rulebook, lines: list[str]) -> TlsTerms:
    off: set[TlsVersion] = set()
    for word in re.split(r"[\s,]+", book.options.get("ServerSSLOptions", "")):
        _switch(word, off)
    return TlsTerms(without=frozenset(off), ciphers=_ciphers(book, lines), suites=_suites(book))


def _switch(word: str, off: set[TlsVersion]) -> None:
    """Heed one word of ServerSSLOptions: ``+NAME``, ``-NAME``, a number."""
    name = word.lstrip("+-").lower()
    found = {_OFF[name]} if name in _OFF else set()
    if name[:1].isdigit():
        try:
            bits = int(name, 0)
        except ValueError:
            return
        found = {version for bit, version in _BITS.items() if bits & bit}
    if word.startswith("-"):
        off -= found
    else:
        off |= found


def _ciphers(book: Rulebook, lines: list[str]) -> str:
    import ssl

    wanted = book.options.get("CipherList", "").strip()
    if not wanted:
        return ""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(wanted)
    except ssl.SSLError:
        lines.append(f"STARTTLS=server, error: SSL_CTX_set_cipher_list({wanted}) failed, list ignored")
        return ""
    return wanted


def _suites(book: Rulebook) -> str:
    """Those of TLS 1.3, of names that TLS has."""
    wanted = book.options.get("CipherSuites", "").strip()
    return wanted if re.fullmatch(r"TLS_[A-Z0-9_]+(?::TLS_[A-Z0-9_]+)*", wanted) else ""
