"""Records what Postfix's sendmail command says, and the message that it leaves: postfix_sendmail.jsonl.

Run as root from the project's top: ``python -m tests.vectors.record_postfix_sendmail``.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.live.private_postfix import PrivatePostfix
from tests.vectors import store
from tests.vectors.postfix_sendmail_cases import CASES

SETTINGS = {
    "myhostname": "mx.example.com",
    "mydestination": "example.com",
    "local_recipient_maps": "",
    "default_transport": "retry:4.0.0 later",
    "local_transport": "retry:4.0.0 later",
}
_MASKS = (
    (re.compile(r"\bid \w+;"), "id ID;"),
    (re.compile(r"<\d{14}\.\w+@"), "<ID@"),
    (re.compile(r"\w{3}, {1,2}\d+ \w{3} \d{4} [\d:]{8} [+-]\d{4} \(\w+\)"), "DATE"),
)
_OF_ENVELOPE = re.compile(
    r"(?m)^((?:sender|recipient|original_recipient|named_attribute: (?:dsn_orig|envelope_id|ret_fl|rewrite)\w*)[:=].*)$"
)


def masked(shown: str) -> dict[str, Any]:
    """What postcat shows of a message, without its id and dates."""
    before, _, rest = shown.partition("*** MESSAGE CONTENTS")
    content = rest.partition("\n")[2].partition("*** HEADER EXTRACTED")[0]
    after = rest.partition("*** HEADER EXTRACTED")[2]
    for pattern, word in _MASKS:
        content = pattern.sub(word, content)
    return {"envelope": sorted(_OF_ENVELOPE.findall(before + after)), "content": content}


def _one(postfix: PrivatePostfix, case: dict[str, Any]) -> dict[str, Any]:
    postsuper = ["postsuper", "-c", postfix.etc, "-d", "ALL"]
    subprocess.run(postsuper, check=True, capture_output=True)
    command = ["sendmail", "-C", postfix.etc, *case["words"]]
    done = subprocess.run(command, input=case["stdin"].encode("latin-1"), capture_output=True)
    out, err = (text.decode().replace(str(postfix.etc), "ETC") for text in (done.stdout, done.stderr))
    return {"status": done.returncode, "out": out, "err": err, "message": _left(postfix, done.returncode == 0)}


def _left(postfix: PrivatePostfix, there: bool) -> dict[str, Any] | None:
    """The message once it is deferred."""
    deadline = time.monotonic() + 20
    while there and time.monotonic() < deadline:
        listed = subprocess.run(["postqueue", "-c", postfix.etc, "-j"], capture_output=True, text=True).stdout
        found = re.search(r'"queue_name": "deferred", "queue_id": "(\w+)"', listed)
        if found is not None:
            shown = subprocess.run(["postcat", "-c", postfix.etc, "-q", found[1]], capture_output=True).stdout
            return masked(shown.decode("latin-1"))
        time.sleep(0.05)
    return None


INPUTS = {"postfix_sendmail": lambda: store.Inputs(CASES, {"settings": SETTINGS})}


def main() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name, PrivatePostfix(Path(name)) as postfix:
        postfix.configure(SETTINGS)
        answers = [_one(postfix, case) for case in INPUTS["postfix_sendmail"]().cases]
    store.write("postfix_sendmail", store.postfix(), __file__, answers)


if __name__ == "__main__":
    main()
