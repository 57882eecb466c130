"""Lines O: which option a name stands for, and what sendmail says of a value when it reads it.

Values are kept as they are written; what they mean belongs to those who use them. Most mistakes in values are silent in
the original, and so they are here.
"""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

from mailconf.sendmail.cf.options import LETTERS, NAMELESS
from mailconf.sendmail.cf.quotes import unquoted
from mailconf.sendmail.rules.book import truth
from mailconf.sendmail.rules.map_lines import time_unit_problems
from mailconf.sendmail.rules.problems import EX_USAGE, Stopped, number

if TYPE_CHECKING:
    from mailconf.sendmail.rules.load import Loader

# In the order in which sendmail looks for a name: of two that an abbreviation fits, messages name the first two.
ORDER = (
    "SevenBitInput", "EightBitMode", "AliasFile", "AliasWait", "BlankSub", "MinFreeBlocks", "CheckpointInterval",
    "HoldExpensive", "DeliveryMode", "ErrorHeader", "ErrorMode", "TempFileMode", "SaveFromLine", "MatchGECOS",
    "HelpFile", "MaxHopCount", "ResolverOptions", "IgnoreDots", "ForwardPath", "SendMimeErrors",
    "ConnectionCacheSize", "ConnectionCacheTimeout", "UseErrorsTo", "LogLevel", "MeToo", "CheckAliases",
    "OldStyleHeaders", "DaemonPortOptions", "PrivacyOptions", "PostmasterCopy", "QueueFactor", "QueueDirectory",
    "DontPruneRoutes", "Timeout", "StatusFile", "SuperSafe", "QueueTimeout", "TimeZoneSpec", "UserDatabaseSpec",
    "DefaultUser", "FallbackMXhost", "Verbose", "TryNullMXList", "QueueLA", "RefuseLA", "RecipientFactor",
    "ForkEachJob", "ClassFactor", "RetryFactor", "QueueSortOrder", "HostsFile", "MinQueueAge", "DefaultCharSet",
    "ServiceSwitchFile", "DialDelay", "NoRecipientAction", "SafeFileEnvironment", "MaxMessageSize", "ColonOkInAddr",
    "MaxQueueRunSize", "MaxDaemonChildren", "DontExpandCnames", "MustQuoteChars", "SmtpGreetingMessage",
    "UnixFromLine", "OperatorChars", "DontInitGroups", "SingleLineFromHeader", "AllowBogusHELO",
    "ConnectionRateThrottle", "UnsafeGroupWrites", "DoubleBounceAddress", "HostStatusDirectory",
    "SingleThreadDelivery", "RunAsUser", "RrtImpliesDsn", "PidFile", "DontBlameSendmail", "DontProbeInterfaces",
    "MaxRecipientsPerMessage", "DeadLetterDrop", "MaxAliasRecursion", "ConnectOnlyTo", "TrustedUser",
    "MaxMimeHeaderLength", "ControlSocketName", "MaxHeadersLength", "ProcessTitlePrefix", "DefaultAuthInfo",
    "AuthMechanisms", "ClientPortOptions", "DataFileBufferSize", "XscriptFileBufferSize", "LDAPDefaultSpec",
    "ServerCertFile", "ServerKeyFile", "ClientCertFile", "ClientKeyFile", "CACertFile", "CACertPath", "DHParameters",
    "InputMailFilters", "Milter", "AuthOptions", "QueueFileMode", "CertFingerprintAlgorithm", "CipherList",
    "RandFile", "TLSSrvOptions", "BadRcptThrottle", "DeliverByMin", "MaxQueueChildren", "MaxRunnersPerQueue",
    "DirectSubmissionModifiers", "NiceQueueRun", "SharedMemoryKey", "AuthMaxBits", "MailboxDatabase", "UseMSP",
    "DelayLA", "FastSplit", "SoftBounce", "SharedMemoryKeyFile", "RejectLogInterval", "RequiresDirfsync",
    "ConnectionRateWindowSize", "CRLFile", "FallbackSmartHost", "AuthRealm", "CRLPath", "HeloName",
    "MaxNOOPCommands", "BadRcptShutdown", "BadRcptShutdownGood", "ServerSSLOptions", "ClientSSLOptions",
    "MaxQueueAge", "RejectNUL", "UseCompressedIPv6Addresses", "SSLEngine", "SSLEnginePath", "TLSFallbacktoClear",
    "SetCertAltnames", "SmtpUTF8", "StrictTransportSecurity", "CipherSuites",
)  # fmt: skip
_TIMES = {"AliasWait": "m", "ConnectionCacheTimeout": "m", "MinQueueAge": "m", "MaxQueueAge": "m", "DialDelay": "s",
          "DeliverByMin": "s", "RejectLogInterval": "h", "ConnectionRateWindowSize": "s"}  # fmt: skip
TIMEOUTS = frozenset((
    "initial", "mail", "rcpt", "datainit", "datablock", "datafinal", "command", "rset", "helo", "quit", "misc",
    "ident", "fileopen", "connect", "iconnect", "queuewarn", "queuewarn.*", "queuewarn.normal", "queuewarn.urgent",
    "queuewarn.non-urgent", "queuereturn", "queuereturn.*", "queuereturn.normal", "queuereturn.urgent",
    "queuereturn.non-urgent", "hoststatus", "resolver.retrans", "resolver.retrans.normal", "resolver.retrans.first",
    "resolver.retry", "resolver.retry.normal", "resolver.retry.first", "control", "lhlo", "auth", "starttls",
    "aconnect", "queuewarn.dsn", "queuereturn.dsn",
))  # fmt: skip
_MILTER = frozenset(("loglevel", *(f"macros.{name}" for name in (
    "connect", "helo", "envfrom", "envrcpt", "eoh", "eom", "data"))))  # fmt: skip
_PRIVACY = frozenset((
    "public", "needmailhelo", "needexpnhelo", "needvrfyhelo", "noexpn", "novrfy", "restrictexpand", "restrictmailq",
    "restrictqrun", "noetrn", "noverb", "authwarnings", "noreceipts", "nobodyreturn", "goaway", "noactualrecipient",
))  # fmt: skip
BLAME = frozenset((
    "safe", "assumesafechown", "groupwritabledirpathsafe", "groupwritableforwardfilesafe",
    "groupwritableincludefilesafe", "groupwritablealiasfile", "worldwritablealiasfile", "forwardfileinunsafedirpath",
    "includefileinunsafedirpath", "mapinunsafedirpath", "linkedaliasfileinwritabledir",
    "linkedclassfileinwritabledir", "linkedforwardfileinwritabledir", "linkedincludefileinwritabledir",
    "linkedmapinwritabledir", "linkedserviceswitchfileinwritabledir", "filedeliverytohardlink",
    "filedeliverytosymlink", "writemaptohardlink", "writemaptosymlink", "writestatstohardlink", "writestatstosymlink",
    "forwardfileingroupwritabledirpath", "includefileingroupwritabledirpath", "classfileinunsafedirpath",
    "errorheaderinunsafedirpath", "helpfileinunsafedirpath", "forwardfileinunsafedirpathsafe",
    "includefileinunsafedirpathsafe", "runprograminunsafedirpath", "runwritableprogram", "nonrootsafeaddr",
    "truststickybit", "dontwarnforwardfileinunsafedirpath", "insufficiententropy", "groupreadablesasldbfile",
    "groupwritablesasldbfile", "groupwritableforwardfile", "groupwritableincludefile", "worldwritableforwardfile",
    "worldwritableincludefile", "groupreadablekeyfile", "groupreadabledefaultauthinfofile",
))  # fmt: skip
_RESOLVER = frozenset((
    "debug", "aaonly", "usevc", "primary", "igntc", "recurse", "defnames", "stayopen", "dnsrch", "use_inet6",
    "use_edns0", "use_dnssec", "trustad", "true", "haswildcardmx", "workaroundbrokenaaaa",
))  # fmt: skip
_NO_RECIPIENT = frozenset(("none", "add-to", "add-apparently-to", "add-bcc", "add-to-undisclosed"))
_SSL = frozenset((
    "ssl_op_microsoft_sess_id_bug", "ssl_op_netscape_challenge_bug", "ssl_op_legacy_server_connect",
    "ssl_op_netscape_reuse_cipher_change_bug", "ssl_op_sslref2_reuse_cert_type_bug",
    "ssl_op_microsoft_big_sslv3_buffer", "ssl_op_msie_sslv2_rsa_padding", "ssl_op_ssleay_080_client_dh_bug",
    "ssl_op_tls_d5_bug", "ssl_op_tls_block_padding_bug", "ssl_op_dont_insert_empty_fragments", "ssl_op_all",
    "ssl_op_no_query_mtu", "ssl_op_cookie_exchange", "ssl_op_no_ticket", "ssl_op_cisco_anyconnect",
    "ssl_op_no_session_resumption_on_renegotiation", "ssl_op_no_compression",
    "ssl_op_allow_unsafe_legacy_renegotiation", "ssl_op_single_ecdh_use", "ssl_op_single_dh_use",
    "ssl_op_ephemeral_rsa", "ssl_op_cipher_server_preference", "ssl_op_tls_rollback_bug", "ssl_op_no_sslv2",
    "ssl_op_no_sslv3", "ssl_op_no_tlsv1", "ssl_op_no_tlsv1_3", "ssl_op_no_tlsv1_2", "ssl_op_no_tlsv1_1",
    "ssl_op_pkcs1_check_1", "ssl_op_pkcs1_check_2", "ssl_op_netscape_ca_dn_bug",
    "ssl_op_netscape_demo_cipher_change_bug", "ssl_op_no_renegotiation", "ssl_op_no_anti_replay",
    "ssl_op_no_encrypt_then_mac", "ssl_op_enable_middlebox_compat", "ssl_op_prioritize_chacha",
))  # fmt: skip
_MOST_DAEMONS = 64
_HEADERS = 32768
_WORD = re.compile(r"[A-Za-z0-9]+")
_DIGITS = "0123456789"
_SPACES = " \t\n\v\f\r"
_FOLDED = tuple(name.lower() for name in ORDER)


class Options:
    """Reads lines O of one file."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader
        self._problems = loader.problems
        self._daemons = 0
        self._set: list[str] = []
        self.fixed: set[str] = set()  # options of the command line, which the file does not change
        self._checks = {
            "EightBitMode": self._eight_bit,
            "AliasFile": self._alias_file,
            "BlankSub": self._blank,
            "DeliveryMode": self._delivery,
            "DaemonPortOptions": self._daemon,
            "ClientPortOptions": lambda value: self._ports(value),
            "PrivacyOptions": self._privacy,
            "DontBlameSendmail": self._blame,
            "ResolverOptions": self._resolver,
            "DefaultUser": self._default_user,
            "QueueTimeout": self._queue_timeout,
            "QueueSortOrder": self._sort_order,
            "NoRecipientAction": self._no_recipient,
            "MustQuoteChars": self._must_quote,
            "OperatorChars": self._operators,
            "RunAsUser": self._run_as,
            "TrustedUser": self._trusted,
            "ConnectOnlyTo": self._only_to,
            "MaxMimeHeaderLength": self._mime,
            "MaxHeadersLength": self._headers,
            "AuthOptions": lambda value: self._letters("AuthOptions", value, "AacdfmpyY"),
            "TLSSrvOptions": lambda value: self._letters("TLSSrvOptions", value, "VC"),
            "ServerSSLOptions": lambda value: self._ssl("ServerSSLOptions", value),
            "ClientSSLOptions": lambda value: self._ssl("ClientSSLOptions", value),
            "SmtpUTF8": self._utf8,
            "UnsafeGroupWrites": self._group_writes,
        }

    # -- the command line, and lines

    def command_line(self, line: str) -> None:
        """An option of the command line, as a line has it: what the file sets of it does not count.

        Its dollars are plain characters.
        """
        before = len(self._set)
        self.line(line)
        self.fixed.update(self._set[before:])

    def line(self, text: str) -> None:
        if text[1:2] != " ":
            self._by_letter(text)
            return
        body = text[2:]
        equals = body.find("=")
        name = (body if equals < 0 else body[:equals]).rstrip(" ")
        value = "" if equals < 0 else body[equals + 1 :].lstrip(" ")
        if not name:
            self._problems.system("readcf: null option name")
            return
        name, dot, sub = name.partition(".")
        found = self._full_name(name)
        if found:
            self.set(found, value, sub if dot else None)

    def _by_letter(self, text: str) -> None:
        letter, value = text[1:2], text[2:]
        name = LETTERS.get(letter)
        if name:
            self.set(name, value, None)
        elif letter == "M":
            character, end = self._loader.book.names.parse(value)
            if character:
                self._loader.book.macros.set(character, value[end:])
        elif letter not in NAMELESS:
            self._problems.system(f"readcf: unknown option name 0x{ord(letter or chr(0)) & 0xFF:x}")

    def _full_name(self, written: str) -> str:
        """The option that a name stands for; "" after a message."""
        low, found = written.lower(), ""
        for name, folded in zip(ORDER, _FOLDED, strict=True):
            if not folded.startswith(low):
                continue
            if folded == low:
                return name
            if found:
                self._problems.system(f"readcf: ambiguous option name {written} (matches {found} and {name})")
                return ""
            found = name
        if not found:
            self._problems.system(f"readcf: unknown option name {written}")
        else:
            self._problems.remark(f"Option {written} used as abbreviation for {found}")
        return found

    def set(self, name: str, value: str, sub: str | None) -> None:
        """Set an option; what sendmail has to say of the value is reported."""
        book = self._loader.book
        full = f"{name}.{sub.lower()}" if sub else name
        if full in self.fixed:
            return
        self._set.append(full)
        if name in ("Timeout", "Milter"):
            self._with_sub(name, value, sub)
            return
        if name in _TIMES:
            self._time(value, _TIMES[name])
        check = self._checks.get(name)
        if check is not None:
            check(value)
        if name in ("SmtpGreetingMessage", "UnixFromLine", "OperatorChars"):
            value = unquoted(value)
        book.options[name] = value
        book.added.setdefault(name, []).append(value)

    def _with_sub(self, name: str, value: str, sub: str | None) -> None:
        book = self._loader.book
        if name == "Milter":
            if sub is None:
                self._problems.system("milter_set_option: invalid Milter option, must specify suboption")
            elif sub.lower() not in _MILTER:
                self._problems.system(f"milter_set_option: invalid Milter option {sub}")
            else:
                book.options[f"Milter.{sub.lower()}"] = value
        elif sub is None:
            self._timeouts(value)
        else:
            self._timeout(sub, value)

    def check(self) -> None:
        """What sendmail says of options together, when the file has been read."""
        book = self._loader.book
        cached = book.options.get("ConnectionCacheSize")
        status = book.options.get("HostStatusDirectory", "")
        if status and cached is not None and number(cached) <= 0:
            about = "disabled with ConnectionCacheSize = 0"
            self._problems.say(f"Warning: HostStatusDirectory {about}")
            status = ""
        if book.flag("SingleThreadDelivery") and not status:
            self._problems.say("Warning: HostStatusDirectory required for SingleThreadDelivery")

    # -- values

    def _time(self, value: str, units: str) -> None:
        for problem in time_unit_problems(value, units):
            self._problems.user(problem)

    def _timeout(self, name: str, value: str) -> None:
        low = name.lower()
        if low not in TIMEOUTS:
            self._problems.system(f"settimeout: invalid timeout {name}")
            return
        self._time(value, "m")
        if low.startswith(("queuewarn", "queuereturn", "resolver.retrans")):
            self._time(value, "h")  # it is read a second time, in its own unit
        self._loader.book.options[f"Timeout.{low}"] = value

    def _timeouts(self, value: str) -> None:
        for part in value.split(","):
            part = part.lstrip(_SPACES)
            if part[:1] in _DIGITS and part:
                self._time(part, "m")
                self._loader.book.options["Timeout"] = part
                continue
            mark = ":" if ":" in part else "="
            name, found, time = part.partition(mark)
            if found:
                self._timeout(name, time)

    def _queue_timeout(self, value: str) -> None:
        returned, slash, warned = value.partition("/")
        if slash:
            self._timeout("queuewarn", warned)
        self._timeout("queuereturn", returned)

    def _stop(self, message: str) -> None:
        self._problems.system(message)
        raise Stopped(EX_USAGE)

    def _eight_bit(self, value: str) -> None:
        if value[:1] not in tuple("pms"):
            self._stop(f"Unknown 8-bit mode {value[:1]}")

    def _delivery(self, value: str) -> None:
        if value and value[0] not in "qdbi":
            self._stop(f"Unknown delivery mode {value[0]}")

    def _alias_file(self, value: str) -> None:
        rest: str | None = value or "aliases"
        while rest is not None:
            rest = rest.lstrip(_SPACES)
            if not rest:
                return
            end = next((at for at, c in enumerate(rest) if c in " ,/:"), len(rest))
            kind = ""
            if rest[end : end + 1] == ":":
                kind, rest, end = rest[:end], rest[end + 1 :], 0
            quoted = False
            while end < len(rest) and (quoted or rest[end] != ","):
                quoted ^= rest[end] == '"'
                end += 1
            spec, rest = rest[:end], rest[end + 1 :] if end < len(rest) else None
            self._loader.add_aliases(kind, spec)

    def _blank(self, value: str) -> None:
        self._loader.book.use_blank(value[:1] or " ")

    def _daemon(self, value: str) -> None:
        if self._daemons >= _MOST_DAEMONS:
            self._problems.system(f"too many daemons defined ({_MOST_DAEMONS} max)")
            return
        self._ports(value)
        self._daemons += 1

    def _ports(self, value: str) -> None:
        family, port, address = "inet", None, None
        for part in value.split(","):
            field, equals, text = part.lstrip(_SPACES).partition("=")
            text = text.lstrip(_SPACES)
            if not equals:
                continue
            letter = field[:1]
            if letter in ("F", "f"):
                family = text.lower()
                if family not in ("unix", "local", "inet", "inet6") and not text[:1].isdigit():
                    self._problems.system(f"Unknown address family {text} in Family=option", enhanced="5.3.5")
                    family = "inet"
            elif letter in ("P", "p"):
                port = text
            elif letter in ("A", "a"):
                address = text
            elif letter == "D":
                if text[:1] not in tuple("qdbi"):
                    self._problems.system(f"Unknown delivery mode {text[:1]}", enhanced="5.3.5")
            elif letter not in tuple("cdIiLlMmNnqRrSs"):
                self._problems.system(f'PortOptions parameter "{part.lstrip(_SPACES)}" unknown', enhanced="5.3.5")
        if family in ("inet", "inet6"):
            self._check_address(family, address)
            if port is not None and port[:1] not in tuple(_DIGITS) and self._loader.machine.port(port) is None:
                self._problems.system(f'service "{port}" unknown', enhanced="5.3.5")

    def _check_address(self, family: str, address: str | None) -> None:
        from mailconf.sendmail.rules.names import is_address

        if address is None or is_address(address):
            return
        kind = socket.AF_INET6 if family == "inet6" else socket.AF_INET
        if not self._loader.machine.has_host(address, kind):
            self._problems.system(f'host "{address}" unknown', enhanced="5.3.0")

    def _privacy(self, value: str) -> None:
        for word in _WORD.findall(value):
            if word.lower() in _PRIVACY:
                self._loader.book.privacy.add(word.lower())
            else:
                self._problems.system(f"readcf: Op line: {word} unrecognized")

    def _blame(self, value: str) -> None:
        for word in _WORD.findall(value):
            if word.lower() not in BLAME:
                self._problems.system(f"readcf: DontBlameSendmail option: {word} unrecognized")
            elif word.lower() == "safe":
                self._loader.book.blame.clear()
            else:
                self._loader.book.blame.add(word.lower())

    def _resolver(self, value: str) -> None:
        for word in value.split():
            if word.removeprefix("-").removeprefix("+").lower() not in _RESOLVER:
                name = word[1:] if word[0] in "+-" else word
                self._problems.system(f"readcf: I option value {name} unrecognized")

    def _default_user(self, value: str) -> None:
        name, group = _user_and_group(value)
        if name[:1] not in tuple(_DIGITS) and self._loader.machine.user(name) is None:
            self._problems.system(f"readcf: option u: unknown user {name}")
            return
        if group and not group[0].isdigit() and self._loader.machine.group(group) is None:
            self._problems.system(f"readcf: option u: unknown group {group}")

    def _run_as(self, value: str) -> None:
        name, group = _user_and_group(value)
        if name[:1] not in tuple(_DIGITS) and self._loader.machine.user(name) is None:
            self._problems.system(f"readcf: option RunAsUser: unknown user {name}")
            return
        if group and not group[0].isdigit() and self._loader.machine.group(group) is None:
            self._problems.system(f"readcf: option RunAsUser: unknown group {group}")

    def _trusted(self, value: str) -> None:
        if value[:1] not in tuple(_DIGITS) and self._loader.machine.user(value) is None:
            self._problems.system(f"readcf: option TrustedUser: unknown user {value}")

    def _sort_order(self, value: str) -> None:
        if value[:1].lower() not in tuple("fhmptrsn"):
            self._problems.system(f'Invalid queue sort order "{value}"')

    def _no_recipient(self, value: str) -> None:
        if value.lower() not in _NO_RECIPIENT:
            self._problems.system(f"Invalid NoRecipientAction: {value}")

    def _must_quote(self, value: str) -> None:
        if len(value) >= 40:
            self._problems.say("Warning: MustQuoteChars too long, ignored.")

    def _operators(self, value: str) -> None:
        if "OperatorChars" in self._loader.book.options:
            self._problems.say(
                "Warning: OperatorChars is being redefined.\n         It should only be set before ruleset definitions."
            )

    def _only_to(self, value: str) -> None:
        from mailconf.sendmail.rules.names import is_address

        port, at, address = value.partition("@")
        if at and number(port) > 65535:
            self._problems.system(f"readcf: option ConnectOnlyTo: invalid port {port}")
        elif not is_address(address if at else value):
            self._problems.system(f"readcf: option ConnectOnlyTo: invalid IP address {address if at else value}")

    def _mime(self, value: str) -> None:
        header, slash, field = value.partition("/")
        length = number(header)
        fields = number(field) if slash and field else length // 2
        for what, count, least in (("header", length, 128), ("field", fields, 40)):
            if 0 < count < least:
                about = f"{what} length limit set lower than {least}"
                self._problems.say(f"Warning: MaxMimeHeaderLength: {about}")

    def _headers(self, value: str) -> None:
        if 0 < number(value) < _HEADERS // 2:
            about = f"headers length limit set lower than {_HEADERS // 2}"
            self._problems.say(f"Warning: MaxHeadersLength: {about}")

    def _letters(self, name: str, value: str, known: str) -> None:
        """Options whose value are letters between commas and blanks."""
        at = 0
        while at < len(value):
            if value[at] not in known + " \t,":
                shown = value[at] if " " <= value[at] <= "~" else "?"
                self._problems.say(f"Warning: Option: {name} unknown parameter '{shown}'")
            following = [found for mark in ", \t" if (found := value.find(mark, at + 1)) >= 0]
            if not following:
                return
            at = min(following) + 1

    def _ssl(self, name: str, value: str) -> None:
        for word in re.split(r"[\s,]", value):
            text = word.removeprefix("-").removeprefix("+")
            if text and not text[0].isdigit() and text.lower() not in _SSL:
                self._problems.system(f"readcf: {name} option value {text} unrecognized")

    def _utf8(self, value: str) -> None:
        if truth(value):
            self._problems.system("readcf: option: SmtpUTF8 set but no USE_EAI support")
        else:
            self._problems.say("Warning: Option: SmtpUTF8 requires USE_EAI support")

    def _group_writes(self, value: str) -> None:
        if not truth(value):
            self._loader.book.blame.update(("groupwritableforwardfilesafe", "groupwritableincludefilesafe"))


def _user_and_group(value: str) -> tuple[str, str]:
    end = next((at for at, c in enumerate(value) if c in "./:"), len(value))
    return value[:end], value[end + 1 :]
