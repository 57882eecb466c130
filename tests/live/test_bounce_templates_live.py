"""postconf -b and -t beside the real ones."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.live.test_postconf_live import OURS, REAL, ROOT
from tests.vectors.record_postconf import OLD

pytestmark = pytest.mark.live

MAIN = "myhostname = mail.example.com\nmydomain = example.com\nfoo = a$mydomain\ndelay_warning_time = 90m\n"
FILES = [
    "",
    "failure_template = <<X\n$delay_warning_time_seconds ${delay_warning_time_days?x} $delay_warning_time_weeks\nX\n",
    "failure_template = <<X\n$maximal_queue_lifetime_minutes\n$delay_warning_time_foo\nX\n",
    "delay_template = <<X\nfrom: x\n\nfrom: y\n \n  foo\n\nX\n# more\n\n",
    "failure_template = <<X\n$process_name $config_directory $foo $$ ${foo?{x}:{y}}\nX\n",
    "success_template = <<X\n$foo $local_recipient_maps\nX\n",
    "foo =<<X\nfoo\n",
    " lead\nfailure_template =<<X\nfoo\nX\n",
    "failure_template =<<X\n$( $\nX\n",
    "failure_template =<<X\nFrom: \u00e4\n\nfoo\nX\ndelay_template=<<X\nh\u00e4\nX\n"
    "verify_template=<<X\ncharset: utf-8\n\n \u00e4\nX\n",
    "failure_template =<<X\nFrom:\n\nf\nX\ndelay_template=<<X\nfoo bar: x\nX\n"
    "verify_template=<<X\nPostmaster-Subject: x\n\ny\nX\n",
    "failure_template =<<X\nX-Unknown: x\n\nfoo\nX\nsuccess_template = one line\n",
    "failure_template =<<X\nX\nfailure_template= <<   \n",
    "failure_template =<<X\nfoo\nX\nfailure_template =<<X\nbar\nX\n= y\n",
]


@pytest.mark.parametrize("author", ["", "header_from_format = obsolete\n", "header_from_format = other\n"])
@pytest.mark.parametrize("text", FILES)
@pytest.mark.parametrize("mode", ["-b", "-t"])
def test_template_files(mode: str, text: str, author: str, tmp_path: Path) -> None:
    for name, content in (("main.cf", MAIN + author), ("master.cf", ""), ("templates", text)):
        (tmp_path / name).write_text(content, encoding="utf-8")
        os.utime(tmp_path / name, OLD)
    said = []
    for command in (REAL, OURS):
        done = subprocess.run(
            [*command, "-c", ".", mode, "templates"],
            capture_output=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        said.append((done.returncode, done.stdout, done.stderr))
    assert said[0] == said[1]
