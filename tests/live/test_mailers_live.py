"""The mailers that check knows beside sendmail's: those of ``=M``, and what a mailertable may name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailconf.check.sendmail.mailers import defined
from mailconf.diagnostics import Sink
from mailconf.sendmail.configuration import read
from mailconf.sendmail.mc.library import Library
from mailconf.sendmail.site import site_of
from tests.live import sendmail_tables
from tests.live.sendmail_tables import LIBRARY, AddressTest

pytestmark = pytest.mark.live
MAILERS = ("local", "smtp", "procmail", "cyrusv2", "cyrus", "fax", "mail11", "phquery", "qpage", "usenet", "uucp")


@pytest.mark.parametrize("declared", [("local", "smtp"), MAILERS], ids=["two", "all"])
def test_the_mailers_that_there_are(tmp_path: Path, declared: tuple[str, ...]) -> None:
    text = sendmail_tables.MC.replace("@TOP@", str(tmp_path)).replace("@CLASSES@", "")
    text = re.sub(r"^MAILER.*\n", "", text, flags=re.MULTILINE)
    mailers = "".join(f"MAILER(`{name}')\n" for name in declared)
    text = text.replace("LOCAL_CONFIG", f"{mailers}LOCAL_CONFIG")
    engine = AddressTest(tmp_path)
    mc = tmp_path / "x.mc"
    mc.write_text(text)
    read_mc = read(mc, Library(str(LIBRARY), {}), Sink())
    assert read_mc is not None and not read_mc.mc.expanded.failed
    engine.cf.write_bytes(read_mc.mc.expanded.cf)
    known = defined([site_of(read_mc)])
    said = re.findall(r"^(?:> )?mailer \d+ \((.*?)\)", engine.sendmail("-bt", input="=M\n"), re.MULTILINE)
    assert {name.lower() for name in said} | {"error"} == set(known)
    names = [*known, "discard", "nosuch", "SMTP", "Local", "smpt", "uucp-dom", "fax"]
    engine.write("mailertable", "".join(f"d{n}.example\t{name}:x\n" for n, name in enumerate(names)))
    for name, answer in zip(names, engine._parts([f"/parse u@d{n}.example" for n in range(len(names))]), strict=True):
        assert ("unknown mailer" in answer) == (name.lower() not in known), (name, answer)
