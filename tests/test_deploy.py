"""The unit and the container file of docs/deploy.md give serve one privilege, no root, and a file system to read."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

TOP = Path(__file__).parent.parent
FOLDER = TOP / "examples/deploy"


def test_the_unit() -> None:
    settings: dict[str, list[str]] = defaultdict(list)
    for line in (FOLDER / "mailconf.service").read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            settings[name].append(value)
    assert settings["User"] == ["mailconf"]
    for name in ("AmbientCapabilities", "CapabilityBoundingSet"):
        assert settings[name] == ["CAP_NET_BIND_SERVICE"]
    assert settings["ProtectSystem"] == ["strict"] and settings["NoNewPrivileges"] == ["yes"]
    assert settings["ExecStart"] == ["/opt/mailconf/bin/mailconf serve /etc/postfix"]
    assert settings["WatchdogSec"] == ["60"]
    assert settings["Type"] == ["notify"]  # mailconf.mta.readiness
    assert "ReadWritePaths" not in settings  # the queue is StateDirectory


def test_the_sockets() -> None:
    """With them nothing of the service's one privilege is left; both families have a socket of their own."""
    lines = (FOLDER / "mailconf.socket").read_text().splitlines()
    assert [line for line in lines if line.startswith("ListenStream=")] == [
        "ListenStream=0.0.0.0:25",
        "ListenStream=[::]:25",
    ]
    assert "BindIPv6Only=ipv6-only" in lines and "FileDescriptorName=smtp" in lines
    settings = (FOLDER / "unprivileged.conf").read_text().splitlines()
    assert "AmbientCapabilities=" in settings and "CapabilityBoundingSet=" in settings
    assert "Requires=mailconf.socket" in settings


def test_the_container() -> None:
    lines = (FOLDER / "Containerfile").read_text().splitlines()
    assert "USER 10025:10025" in lines and "VOLUME /var/lib/mailconf" in lines
    assert lines.index("USER 10025:10025") > max(i for i, line in enumerate(lines) if line.startswith("RUN"))


def test_the_page_names_them() -> None:
    page = (TOP / "docs/deploy.md").read_text()
    for name in ("mailconf.service", "mailconf.socket", "unprivileged.conf", "Containerfile"):
        assert f"(../examples/deploy/{name})" in page
    assert "--read-only --cap-drop ALL --cap-add NET_BIND_SERVICE" in page
