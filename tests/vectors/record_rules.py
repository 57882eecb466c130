"""Records tests/vectors/rules.jsonl: what sendmail -bt answers for the configuration and the prompts of `rules_cases`.

And rules@8.18.jsonl: what the sendmail of the next Debian answers, where tests/live/install-engines could unpack it.

    python -m tests.vectors.record_rules

It runs on a host of its own name, without a network: the hosts file has its name, and no server answers for the DNS.
Needs root.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.live.map_tools import SENDMAIL_ROOT
from tests.live.sendmail_side import LIBRARIES, TOOLS
from tests.vectors import store
from tests.vectors.rules_cases import BASE, CASES, FILES, HOST, PASSWD, TABLES, cut

_ALONE = """\
set -e
ip link set lo up
hostname "$1"
mount --bind "$2/resolv.conf" /etc/resolv.conf
mount --bind "$2/hosts" /etc/hosts
mount --bind "$2/passwd" /etc/passwd
shift 2
exec "$@"
"""
_SETTINGS = {"resolv.conf": "nameserver 127.0.0.1\n", "hosts": f"127.0.0.1 {HOST} localhost\n", "passwd": PASSWD}


class Bench:
    """A folder with the files of the configuration, in which sendmail is asked. Only root can write to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.chmod(0o755)
        (folder / "q").mkdir(mode=0o700)
        for name, text in {**FILES, **_SETTINGS}.items():
            (folder / name).write_text(text)
        for name, text in TABLES.items():
            (folder / name).write_text(text)
            makemap = [SENDMAIL_ROOT / "usr/sbin/makemap", "-C", "/dev/null", "hash", folder / name]
            environment = {"LD_LIBRARY_PATH": LIBRARIES}
            subprocess.run(makemap, input=text.encode(), env=environment, check=True, capture_output=True)

    def ask(self, command: Sequence[str | Path], text: str, prompts: Sequence[str]) -> tuple[list[str], int]:
        """What a program with sendmail's options answers, and its exit status. FOLDER in texts is the folder."""
        cf = self.folder / "x.cf"
        cf.write_bytes((BASE + text).replace("FOLDER", str(self.folder)).encode("latin-1"))
        alone = ["unshare", "--mount", "--net", "--uts", "sh", "-c", _ALONE, "sh", HOST, str(self.folder)]
        done = subprocess.run(
            [*alone, "env", f"LD_LIBRARY_PATH={LIBRARIES}", *command, "-bt", "-C", cf],
            input="".join(f"{prompt}\n" for prompt in [*prompts, "/quit"]).encode("latin-1"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
        )
        return cut(done.stdout.decode("latin-1").replace(str(self.folder), "FOLDER")), done.returncode


def asked() -> store.Inputs:
    return store.Inputs(CASES, {"base": BASE, "files": FILES, "tables": TABLES, "passwd": PASSWD, "host": HOST})


def next_sendmail() -> list[str | Path]:
    """The command of the next Debian's sendmail, started by its own loader; empty where it is not there."""
    tree = (SENDMAIL_ROOT.parent / "sendmail-8.18").resolve()
    loader = next(iter(sorted(tree.glob("usr/lib64/ld-linux-*.so.*"))), None)
    if loader is None or not (tree / ".complete").is_file():
        return []
    libraries = ":".join(map(str, sorted(tree.glob("usr/lib/*-linux-gnu*"))))
    program = tree / "usr/libexec/sendmail/sendmail"
    return [loader, "--argv0", "sendmail", "--library-path", libraries, program]


def next_engine(command: Sequence[str | Path]) -> store.Engine:
    """The version of what `next_sendmail` has named."""
    (package,) = Path(command[-1]).parents[3].glob("packages/sendmail-bin_*.deb")
    release = package.name.split("_")[1]
    return store.Engine("sendmail", release.partition("-")[0], {"sendmail": release})


def answers(command: Sequence[str | Path]) -> list[dict[str, Any]]:
    found = []
    with tempfile.TemporaryDirectory(dir=SENDMAIL_ROOT) as folder:
        bench = Bench(Path(folder))
        for case in CASES:
            said, status = bench.ask(command, case["text"], case["prompts"])
            found.append({"said": said, "status": status})
    return found


def main() -> None:
    store.write("rules", store.sendmail(), __file__, answers([TOOLS / "sendmail"]))
    command = next_sendmail()
    if command:
        store.write("rules@8.18", next_engine(command), __file__, answers(command))


INPUTS = {"rules": asked, "rules@8.18": asked}

if __name__ == "__main__":
    main()
