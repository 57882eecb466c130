"""The names of sendmail's options, and the letters that some of them have from older days.

Source: Sendmail Installation and Operation Guide 5.6; sendmail 8.17.1.9 -d37.1, which was given each of them.
"""

from __future__ import annotations

from bisect import bisect_left

LETTERS = {
    "7": "SevenBitInput", "8": "EightBitMode", "A": "AliasFile", "B": "BlankSub", "C": "CheckpointInterval",
    "E": "ErrorHeader", "F": "TempFileMode", "G": "MatchGECOS", "H": "HelpFile", "I": "ResolverOptions",
    "J": "ForwardPath", "K": "ConnectionCacheTimeout", "L": "LogLevel", "O": "DaemonPortOptions",
    "P": "PostmasterCopy", "Q": "QueueDirectory", "R": "DontPruneRoutes", "S": "StatusFile", "T": "QueueTimeout",
    "U": "UserDatabaseSpec", "V": "FallbackMXhost", "X": "RefuseLA", "Y": "ForkEachJob", "Z": "RetryFactor",
    "a": "AliasWait", "b": "MinFreeBlocks", "c": "HoldExpensive", "d": "DeliveryMode", "e": "ErrorMode",
    "f": "SaveFromLine", "h": "MaxHopCount", "i": "IgnoreDots", "j": "SendMimeErrors", "k": "ConnectionCacheSize",
    "l": "UseErrorsTo", "m": "MeToo", "n": "CheckAliases", "o": "OldStyleHeaders", "p": "PrivacyOptions",
    "q": "QueueFactor", "r": "Timeout", "s": "SuperSafe", "t": "TimeZoneSpec", "u": "DefaultUser", "v": "Verbose",
    "w": "TryNullMXList", "x": "QueueLA", "y": "RecipientFactor", "z": "ClassFactor",
}  # fmt: skip
NAMELESS = frozenset("Mg")  # letters that sendmail takes without a name: a macro, a group
WITHOUT_LETTER = (
    "AllowBogusHELO", "AuthMaxBits", "AuthMechanisms", "AuthOptions", "AuthRealm", "BadRcptShutdown",
    "BadRcptShutdownGood", "BadRcptThrottle", "CACertFile", "CACertPath", "CRLFile", "CRLPath",
    "CertFingerprintAlgorithm", "CipherList", "CipherSuites", "ClientCertFile", "ClientKeyFile", "ClientPortOptions",
    "ClientSSLOptions", "ColonOkInAddr", "ConnectOnlyTo", "ConnectionRateThrottle", "ConnectionRateWindowSize",
    "ControlSocketName", "DHParameters", "DataFileBufferSize", "DeadLetterDrop", "DefaultAuthInfo", "DefaultCharSet",
    "DelayLA", "DeliverByMin", "DialDelay", "DirectSubmissionModifiers", "DontBlameSendmail", "DontExpandCnames",
    "DontInitGroups", "DontProbeInterfaces", "DoubleBounceAddress", "FallbackSmartHost", "FastSplit", "HeloName",
    "HostStatusDirectory", "HostsFile", "InputMailFilters", "LDAPDefaultSpec", "MailboxDatabase", "MaxAliasRecursion",
    "MaxDaemonChildren", "MaxHeadersLength", "MaxMessageSize", "MaxMimeHeaderLength", "MaxNOOPCommands", "MaxQueueAge",
    "MaxQueueChildren", "MaxQueueRunSize", "MaxRecipientsPerMessage", "MaxRunnersPerQueue", "Milter", "MinQueueAge",
    "MustQuoteChars", "NiceQueueRun", "NoRecipientAction", "OperatorChars", "PidFile", "ProcessTitlePrefix",
    "QueueFileMode", "QueueSortOrder", "RandFile", "RejectLogInterval", "RejectNUL", "RequiresDirfsync",
    "RrtImpliesDsn", "RunAsUser", "SSLEngine", "SSLEnginePath", "SafeFileEnvironment", "ServerCertFile",
    "ServerKeyFile", "ServerSSLOptions", "ServiceSwitchFile", "SetCertAltnames", "SharedMemoryKey",
    "SharedMemoryKeyFile", "SingleLineFromHeader", "SingleThreadDelivery", "SmtpGreetingMessage", "SmtpUTF8",
    "SoftBounce", "StrictTransportSecurity", "TLSFallbacktoClear", "TLSSrvOptions", "TrustedUser", "UnixFromLine",
    "UnsafeGroupWrites", "UseCompressedIPv6Addresses", "UseMSP", "XscriptFileBufferSize",
)  # fmt: skip
NAMES = frozenset((*LETTERS.values(), *WITHOUT_LETTER))
WITH_SUB_OPTIONS = frozenset({"Timeout", "Milter"})
# Given again, they add to what is there; all others are replaced.
ADDING = frozenset({"AliasFile", "ClientPortOptions", "DaemonPortOptions", "DontBlameSendmail", "PrivacyOptions"})
_FOLDED = sorted((name.lower(), name) for name in NAMES)


def full_name(written: str) -> str:
    """The option that a name stands for, in any letters: itself, or the only one that begins so; "" for none."""
    folded = written.lower()
    if not folded or not folded.isascii():
        return ""
    at = bisect_left(_FOLDED, (folded, ""))
    found = [name for name in _FOLDED[at : at + 2] if name[0].startswith(folded)]
    if found and (len(found) == 1 or found[0][0] == folded):
        return found[0][1]
    return ""
