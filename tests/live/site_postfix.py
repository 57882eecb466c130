"""The example site twice below one folder: for ``mailconf serve --root``, and for a private real Postfix.

Both read the same sources and the same built maps. For the real one the paths in main.cf are mapped below the folder,
and the site's users, whom this machine does not have, are a table.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from private_postfix import BASE, PrivatePostfix, free_port

sys.path.insert(0, str(Path(__file__).parent.parent / "cli"))

from site_fixture import lay_out, mailconf

# What both sides need to be asked as any client, as often as the tests like.
ASKED = {
    "smtpd_authorized_xclient_hosts": "127.0.0.1",
    "inet_protocols": "all",  # XCLIENT may name addresses of both families
    "smtpd_peername_lookup": "no",
    "smtpd_client_event_limit_exceptions": "127.0.0.0/8",
    **{name: value for name, value in BASE.items() if name.startswith("smtpd_") and name.endswith(("limit", "time"))},
}
SUBMISSION = """\
127.0.0.1:{port} inet n - n - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_relay_restrictions=permit_mynetworks,reject
"""


def set_up(root: Path) -> None:
    """The example site below ``root``, with maps that mailconf built."""
    main_cf = lay_out(root)
    with main_cf.open("a") as file:
        file.writelines(f"{name} = {value}\n" for name, value in ASKED.items())
    mailconf("build", "--root", str(root), "/etc/postfix")


class SitePostfix(PrivatePostfix):
    """Runs the site that `set_up` laid out at ``top``. What it accepts stays in its queue, unless ``deliver``.

    build  make the maps anew by the real postmap and postalias; otherwise those of mailconf are read
    """

    def __init__(self, top: Path, *, build: bool, deliver: bool = False, limits: dict[str, str] | None = None) -> None:
        super().__init__(top)
        self.submission = free_port()
        self._deliver = deliver
        self._extra = limits or {}
        if build:
            self._build()

    def _build(self) -> None:
        folder = self.top / "etc/postfix"
        for map_file in [*folder.glob("*.db"), self.top / "etc/aliases.db"]:
            source = map_file.with_suffix("")
            map_file.unlink()
            tool = "postalias" if source.name == "aliases" else "postmap"
            subprocess.run([tool, "-c", str(folder), f"hash:{source}"], check=True, capture_output=True)
            assert map_file.exists()

    def configure(self, parameters: dict[str, str], files: dict[str, str] | None = None, text: str = "") -> None:
        site = (self.top / "etc/postfix/main.cf").read_text()
        site = site.replace(":/etc/", ":@TOP@/etc/").replace(" /var/mail", " @TOP@/var/mail")
        users = [line.split(":")[0] for line in (self.top / "etc/passwd").read_text().splitlines()]
        own = {
            "alias_maps": "hash:@TOP@/etc/aliases",
            "local_recipient_maps": "texthash:@TOP@/etc/users $alias_maps",
            **ASKED,
            **self._extra,
            **({} if self._deliver else {"defer_transports": "local, virtual, relay, smtp"}),
        }
        table = {"etc/users": "".join(f"{user} x\n" for user in users)}
        super().configure({**own, **parameters}, {**table, **(files or {})}, site + text)
        with (self.etc / "master.cf").open("a") as file:
            file.write(SUBMISSION.format(port=self.submission))
