"""Who knows the clients' accounts, where no authentication server of Dovecot's does: sasldb2 and saslauthd(8).

The file is read at each login: a changed password is in force at once. Source: Cyrus SASL 2.1.28.
"""

from __future__ import annotations

import asyncio
import hmac

from mailconf.files import NoDisk, Root
from mailconf.maps.core.table import TemporaryFailure, UnsupportedMap
from mailconf.model.security import SaslLogins
from mailconf.smtp import saslauthd
from mailconf.smtp.sasl_server import GENERIC, NO_MECHANISM, Account, SaslFailed

PATIENCE = 10.0  # seconds for saslauthd's answer
_PROPERTY = b"userPassword"


class SaslAccounts:
    """A `mailconf.smtp.sasl_server.Knows`. ``settings`` is public to see which mechanisms count."""

    def __init__(self, settings: SaslLogins, root: Root, patience: float = PATIENCE) -> None:
        self.settings = settings
        self._root = root
        self._patience = patience

    def close(self) -> None:
        """There is nothing that is kept."""

    async def secret(self, account: Account) -> bytes:
        nowhere = "Unable to find a callback: 32775"  # SASL's words for a file that is not there
        if not self.settings.database:
            raise SaslFailed(NO_MECHANISM, nowhere)
        if not self._root.is_file(self.settings.database):
            raise SaslFailed.unknown(account.user, nowhere)
        found = self._stored(account)
        if found is None:
            raise SaslFailed.unknown(account.user)
        return found

    async def verify(self, account: Account, password: bytes) -> None:
        failed = SaslFailed(NO_MECHANISM, "")
        for method in self.settings.methods:
            try:
                await self._verify(method, account, password)
                return
            except SaslFailed as failure:
                failed = failure
        raise failed

    async def _verify(self, method: str, account: Account, password: bytes) -> None:
        if method == "auxprop":
            if not hmac.compare_digest(await self.secret(account), password):
                raise SaslFailed.bad(account.user)
        elif method == "saslauthd":
            if not await self._asked(account, password):
                raise SaslFailed.bad(account.user)
        else:
            raise SaslFailed(NO_MECHANISM, "")

    def _stored(self, account: Account) -> bytes | None:
        """What sasldb2 has for an account. A file that may not be read has nobody."""
        from mailconf.maps.database.bdb_hash import HashFile

        try:
            file = HashFile(self._root.real(self.settings.database))
        except (OSError, UnsupportedMap, TemporaryFailure, NoDisk):
            return None
        try:
            return file.get(b"\0".join((account.user, account.realm, _PROPERTY)))
        except TemporaryFailure:
            return None
        finally:
            file.close()

    async def _asked(self, account: Account, password: bytes) -> bool:
        """saslauthd's answer. Raises SaslFailed where there is none."""
        try:
            realm = b"" if account.realm == self.settings.realm.encode() else account.realm
            question = saslauthd.question(account._replace(realm=realm), password, self.settings.service.encode())
            async with asyncio.timeout(self._patience):
                return await self._exchanged(question)
        except (OSError, ValueError, TimeoutError):
            raise SaslFailed(GENERIC, "") from None

    async def _exchanged(self, question: bytes) -> bool:
        reader, writer = await asyncio.open_unix_connection(str(self._root.socket(self.settings.socket)))
        try:
            writer.write(question)
            await writer.drain()
            data = b""
            while (found := saslauthd.answer(data)) is None:
                more = await reader.read(saslauthd.LONGEST)
                if not more:
                    raise ValueError("the connection is lost")
                data += more
            return found
        finally:
            writer.close()
