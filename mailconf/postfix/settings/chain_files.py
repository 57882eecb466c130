"""Files of private keys and certificates, as Postfix's TLS library reads them: what keeps it from loading them.

Three ways lead to them: a list of files in which each key precedes its certificates (postconf(5)
smtpd_tls_chain_files), one file for a certificate and its key, and two files (smtpd_tls_cert_file,
smtpd_tls_key_file). Observed with Postfix 3.7.11, in whose words the problems are, and OpenSSL 3.0: a file is a row of
PEM objects (RFC 7468); objects are counted from 1, and text between them does not count.

Whether a key belongs to a certificate says Python's own TLS library, which reads them from memory alone.
"""

from __future__ import annotations

import binascii
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

MOST = 1 << 20  # bytes of a file
_BEGIN = re.compile(rb"-----BEGIN (.+)-----")
_CERTIFICATES = ("CERTIFICATE", "X509 CERTIFICATE")
_TRUSTED = "TRUSTED CERTIFICATE"  # which a list of files passes over
_RSA, _EC, _DSA = (
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01",
    b"\x2a\x86\x48\xce\x3d\x02\x01",
    b"\x2a\x86\x48\xce\x38\x04\x01",
)
_ANY_KEY = "PRIVATE KEY"  # which names its algorithm itself (RFC 5208)
_KEYS = {_ANY_KEY: b"", "RSA PRIVATE KEY": _RSA, "EC PRIVATE KEY": _EC, "DSA PRIVATE KEY": _DSA}
_ENCRYPTED = "ENCRYPTED PRIVATE KEY"


class PemObject(NamedTuple):
    """``label`` is the word after BEGIN, ``data`` what the lines of base64 are; encrypted: headers say so."""

    label: str
    data: bytes
    encrypted: bool = False

    @property
    def is_certificate(self) -> bool:
        return self.label in _CERTIFICATES

    @property
    def is_key(self) -> bool:
        return self.label in _KEYS

    @property
    def text(self) -> bytes:
        """The object as it stands in a file."""
        name = self.label.encode()
        return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (name, _lines(self.data), name)


class BadPem(Exception):
    """An object that has no end, or whose lines are no base64."""


class ChainProblem(NamedTuple):
    """In the words of the log, without what follows there for all of them; ``hint`` is what can be done.

    fatal  nothing is loaded, and TLS is switched off
    """

    text: str
    hint: str
    fatal: bool = True


class ChainFile(NamedTuple):
    name: str
    content: bytes


def _lines(data: bytes) -> bytes:
    return b"".join(binascii.b2a_base64(data[at : at + 48]) for at in range(0, len(data), 48))


def pem_objects(content: bytes) -> Iterator[PemObject]:
    """The objects of a file. Raises BadPem where one is broken, behind which nothing is read."""
    lines = iter(content.split(b"\n"))
    for line in lines:
        found = _BEGIN.fullmatch(line.rstrip())
        if found is None:
            continue
        label, body = found[1], list[bytes]()
        for text in lines:
            text = text.rstrip()
            if text.startswith(b"-----END "):
                break
            body.append(text)
        else:
            raise BadPem("an object has no end")
        if text != b"-----END " + label + b"-----":
            raise BadPem("an object's last line does not fit its first one")
        empty = body.index(b"") if b"" in body else -1  # what precedes an empty line is headers
        # A dash ends the base64: of an object without an end the next one's is taken.
        base64 = b"".join(body[empty + 1 :]).partition(b"-")[0]
        try:
            data = binascii.a2b_base64(base64, strict_mode=True)
        except binascii.Error:
            raise BadPem("an object's lines are no base64") from None
        encrypted = any(b"ENCRYPTED" in line for line in body[: max(empty, 0)])
        yield PemObject(label.decode("utf-8", "surrogateescape"), data, encrypted)


# DER, as far as it is needed here (X.690 8.1).


def _element(data: bytes) -> tuple[int, int]:
    """Where the content of the first element of ``data`` begins and ends; (0, 0) where it has none."""
    if len(data) < 2:
        return 0, 0
    length, at = data[1], 2
    if length & 0x80:
        size = length & 0x7F
        at = 2 + size
        if not 1 <= size <= 4 or len(data) < at:
            return 0, 0
        length = int.from_bytes(data[2:at], "big")
    return (at, at + length) if at + length <= len(data) else (0, 0)


def _sequence(data: bytes) -> tuple[bytes, bool]:
    """The content of a sequence, b"" where there is none, and whether something follows it."""
    begin, end = _element(data) if data[:1] == b"\x30" else (0, 0)
    return data[begin:end], bool(end) and end < len(data)


def _algorithm(key: PemObject) -> bytes:
    """The object identifier of a key's algorithm: of each there is one key at most."""
    if key.label != _ANY_KEY:
        return _KEYS[key.label]
    content, _ = _sequence(key.data)
    _, end = _element(content)  # the version
    algorithm, _ = _sequence(content[end:])
    begin, end = _element(algorithm)
    return algorithm[begin:end]


_PLACE_FIRST = "put each private key before its certificate, and that before those of its issuers"
_WITHOUT_KEY = "add the private key that belongs to the certificate"
_OTHER_KEY = "a private key must be followed by the certificate that was made for it"
_BROKEN = "write the file anew"
_PASSWORD = "remove the key's password: a server has nobody to ask for it"


def _of_file(file: ChainFile, number: int, what: str, item: PemObject) -> ChainProblem | None:
    """A key or certificate that cannot be decoded."""
    content, excess = _sequence(item.data)
    problem = f"error loading {what} (PEM object number {number}) from {file.name}"
    if not content or item.encrypted:
        return ChainProblem(problem, _PASSWORD if item.encrypted else _BROKEN)
    return ChainProblem(f"{problem}: excess data", _BROKEN) if excess else None


class _Loader:
    """Reads one file after the other, an object at a time.

    mixed  there is one file, whose key may stand anywhere
    fits   whether a key belongs to a certificate
    """

    def __init__(self, origin: str, *, mixed: bool, fits: Callable[[PemObject, PemObject], bool]) -> None:
        self._origin, self._mixed, self._fits = origin, mixed, fits
        self._key: PemObject | None = None
        self._place = (0, "")  # of the key
        self._certificate: PemObject | None = None
        self._loaded: set[bytes] = set()  # the algorithms of the keys

    def take(self, file: ChainFile, number: int, item: PemObject) -> ChainProblem | None:
        """What is wrong with an object where it stands."""
        if item.is_certificate:
            return self._take_certificate(file, number, item)
        if item.is_key:
            return self._take_key(file, number, item)
        if self._mixed:
            return None
        if self._key is not None and self._certificate is None:
            self._place = (number, file.name)  # as the original counts
        hint = _PASSWORD if item.label == _ENCRYPTED else "remove it"
        return ChainProblem(f"loading {file.name}: ignoring PEM type: {item.label}", hint, fatal=False)

    def _take_certificate(self, file: ChainFile, number: int, item: PemObject) -> ChainProblem | None:
        if not self._mixed and self._key is None:
            return ChainProblem(f"error loading chain from {file.name}: key not first", _PLACE_FIRST)
        if problem := _of_file(file, number, "certificate", item):
            return problem
        self._certificate = self._certificate or item
        return None

    def _take_key(self, file: ChainFile, number: int, item: PemObject) -> ChainProblem | None:
        at, place = self._place
        if self._key is not None and self._mixed:
            text = f"ignoring 2nd key at index {number} in {file.name} after 1st at {at}"
            return ChainProblem(text, "remove the key that is not in use", fatal=False)
        if self._key is not None and self._certificate is None:
            text = f"error loading certificate chain: key at index {at} in {place} not followed by a certificate"
            return ChainProblem(text, _OTHER_KEY)
        if self._key is not None and not self._use():
            text = f"error loading certificate chain: key at index {at} in {place} does not match the certificate"
            return ChainProblem(text, self._why())
        if problem := _of_file(file, number, "private key", item):
            return problem
        self._key, self._place = item, (number, file.name)
        return None

    def _use(self) -> bool:
        """Whether key and certificates can be loaded; they are done with then."""
        assert self._key is not None and self._certificate is not None
        algorithm = _algorithm(self._key)
        if algorithm in self._loaded or not self._fits(self._key, self._certificate):
            return False
        self._loaded.add(algorithm)
        self._key = self._certificate = None
        return True

    def _why(self) -> str:
        assert self._key is not None
        if _algorithm(self._key) in self._loaded:
            return "keep one private key of each kind: another one of the same kind precedes it"
        return _OTHER_KEY

    def end(self) -> ChainProblem | None:
        """What is wrong at the end of the last file."""
        number, place = self._place
        if self._key is None and self._certificate is None:
            return ChainProblem(f"No PEM data in {self._origin}", _BROKEN)
        if self._key is None:
            return ChainProblem(f"No private key found in {self._origin}", _WITHOUT_KEY)
        if self._certificate is None:
            return ChainProblem(f"No certs for key at index {number} in {place}", _OTHER_KEY)
        if self._use():
            return None
        return ChainProblem(f"key at index {number} in {place} does not match next certificate", self._why())


def _loaded(loader: _Loader, files: Iterable[ChainFile]) -> Iterator[ChainProblem]:
    for file in files:
        try:
            for number, item in enumerate(pem_objects(file.content), 1):
                problem = loader.take(file, number, item)
                if problem is not None:
                    yield problem
                    if problem.fatal:
                        return
        except BadPem as broken:
            yield ChainProblem(f"error loading {file.name}: {broken}", _BROKEN)
            return
    last = loader.end()
    if last is not None:
        yield last


def chain_problems(origin: str, files: Sequence[ChainFile]) -> Iterator[ChainProblem]:
    """Of the files that a value of ``*_chain_files`` names, ``origin`` is the value."""
    return _loaded(_Loader(origin, mixed=False, fits=fits), files)


def pair_problems(kind: str, certificate: ChainFile, key: ChainFile) -> Iterator[ChainProblem]:
    """Of a certificate and its key, in one file or in two. ``kind`` is the algorithm: RSA, DSA, ECDSA."""
    if certificate.name == key.name:
        yield from _loaded(_Loader(key.name, mixed=True, fits=fits), [certificate])
        return
    leaf = _first(certificate, lambda item: item.is_certificate or item.label == _TRUSTED, whole=True)
    if leaf is None:
        yield ChainProblem(f'cannot get {kind} certificate from file "{certificate.name}"', _BROKEN)
        return
    own = _first(key, lambda item: item.is_key or item.label == _ENCRYPTED)
    encrypted = own is not None and (own.encrypted or own.label == _ENCRYPTED)
    if own is None or encrypted:
        hint = _PASSWORD if encrypted else _WITHOUT_KEY
        yield ChainProblem(f'cannot get {kind} private key from file "{key.name}"', hint)
    elif not fits(own, leaf):
        text = f"{kind} private key in {key.name} does not match public key in {certificate.name}"
        yield ChainProblem(text, "name the private key for which the certificate was made")


def _first(file: ChainFile, wanted: Callable[[PemObject], bool], *, whole: bool = False) -> PemObject | None:
    """The first object that is wanted, None where there is none that can be read.

    whole  a broken one behind it counts as well
    """
    first: PemObject | None = None
    try:
        for item in pem_objects(file.content):
            if wanted(item):
                content, excess = _sequence(item.data)
                if not (content or item.encrypted) or excess:
                    return None
                first = first or item
                if not whole:
                    break
    except BadPem:
        return None
    return first


def fits(key: PemObject, certificate: PemObject) -> bool:
    """Whether the key is that of the certificate; True where that cannot be found out here."""
    try:
        import ssl

        memory = os.memfd_create("chain")
    except (ImportError, AttributeError, OSError):
        return True
    try:
        os.write(memory, key.text + certificate.text)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")  # what is weak fits as well
        context.load_cert_chain(f"/proc/self/fd/{memory}", password=lambda: b"")
    except ssl.SSLError:
        return False
    except (OSError, ValueError):
        return True
    finally:
        os.close(memory)
    return True
