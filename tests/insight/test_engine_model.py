"""Cases asked of the model: what is expected, what is not, and what cannot be asked."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result

from mailconf.cli.commands import mailconf

TOP = Path(__file__).resolve().parents[2]
MAIN = """\
compatibility_level = 3.6
myhostname = mail.example.com
mydestination = example.com, $myhostname
mynetworks = 192.0.2.0/24
inet_protocols = ipv4
alias_maps = hash:/etc/postfix/aliases
smtpd_client_restrictions = reject_rbl_client zen.test
smtpd_sender_restrictions = reject_unknown_sender_domain
smtpd_recipient_restrictions = check_policy_service unix:private/policyd
transport_maps = inline:{gone.test=error:5.1.2, else.test=relay:[gw.test]}
relay_domains = gone.test
"""
MASTER = "smtp inet n - n - - smtpd\n" + "".join(
    f"{name} unix - n n - - {program}\n"
    for name, program in (("smtp", "smtp"), ("relay", "smtp"), ("local", "local"), ("error", "error"))
)


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(mailconf, ["test", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def site(folder: Path, cases: str, world: str = "", main: str = MAIN) -> str:
    (folder / "conf").mkdir(exist_ok=True)
    (folder / "conf/main.cf").write_text(main)
    (folder / "conf/master.cf").write_text(MASTER)
    (folder / "conf/aliases").write_text(
        'team: ann, joe\nann: ann\nlist: "|/bin/list x", /var/list\nall: far@far.test\nlost: nosuch\n'
    )
    file = folder / "a.test.yaml"
    file.write_text(
        f"site: conf\nworld: {{users: [ann, joe], services: {{unix:private/policyd: DUNNO}}{world}}}\ncases:\n{cases}"
    )
    return str(file)


FAR = ", dns: {far.test: {mx: 10 m.far.test}, slow.test: servfail, 9.2.0.192.zen.test: 127.0.0.2}"


@pytest.mark.parametrize("name", ["postfix", "sendmail"])
def test_the_examples_pass(name: str) -> None:
    result = run("--format", "json", str(TOP / "examples" / name))
    assert result.exit_code == 0, result.output
    summary = json.loads(result.output)["summary"]
    assert summary["passed"] == summary["cases"] >= 30


@pytest.mark.parametrize(
    ("case", "passes"),
    [
        ("{client: 192.0.2.1, from: a@far.test, to: joe@example.com, reply: 250}", True),
        ("{client: 192.0.2.1, from: a@far.test, to: joe@example.com, reply: 550}", False),
        ("{client: 192.0.2.9, from: a@far.test, to: joe@example.com, reply: /blocked using zen.test/}", True),
        ("{client: 192.0.2.1, from: a@none.test, to: joe@example.com, reply: 450 4.1.8}", True),
        ("{client: 192.0.2.1, from: a@slow.test, to: joe@example.com, reply: 450 4.1.8}", True),
        ("{client: 192.0.2.1, from: a@far.test, to: x@example.com, reply: 550 5.1.1}", True),
        ("{from: a@far.test, to: x@else.test, reply: 454}", True),
        ("{client: 192.0.2.1, from: a@far.test, to: x@else.test, goes: 'relay:[gw.test] x@else.test'}", True),
        ("{client: 192.0.2.1, from: a@far.test, to: x@else.test, goes: 'relay:gw.test x@else.test'}", False),
        ("{client: 192.0.2.1, from: a@far.test, to: x@gone.test, reply: 550 5.1.2, goes: nothing}", True),
        ("{client: 192.0.2.1, from: a@far.test, to: lost@example.com, reply: 250, goes: bounce nosuch}", True),
        ("{client: 192.0.2.1, from: a@far.test, to: team@example.com, goes: [local joe, local ann]}", True),
        ("{client: 192.0.2.1, from: a@far.test, to: team@example.com, goes: local joe}", False),
        ("{client: 192.0.2.1, from: a@far.test, to: [team@example.com, joe@example.com], reply: 250}", True),
        ("{client: 192.0.2.1, from: a@far.test, to: [x@example.com, joe@example.com], reply: 250}", False),
        ("{client: 192.0.2.1, from: a@far.test, to: all@example.com, goes: smtp far@far.test}", True),
        (
            "{client: 192.0.2.1, to: list@example.com, goes: ['local |/bin/list x', local /var/list]}",
            True,
        ),
        ("{client: 192.0.2.1, from: a@far.test, to: joe@example.com, copies: nothing}", True),
        ("{client: 192.0.2.1, from: a@far.test, to: x@far.test, as: {from: a@far.test, to: x@far.test}}", True),
        ("{client: 192.0.2.1, from: a@far.test, to: x@far.test, as: {from: b@far.test}}", False),
        ("{client: 192.0.2.1, from: a@far.test, to: joe@example.com, as: {from: a@far.test}}", False),
    ],
)
def test_cases(case: str, passes: bool, tmp_path: Path) -> None:
    result = run(site(tmp_path, f"  - {case}\n", FAR))
    assert result.exit_code == (0 if passes else 1), result.output


def test_a_failure_names_the_rule_and_its_line(tmp_path: Path) -> None:
    file = site(tmp_path, "  - {client: 192.0.2.9, from: a@far.test, to: joe@example.com, reply: 250}\n", FAR)
    output = run(file).output
    assert f"{file}:4:5: failed: 192.0.2.9: <a@far.test> -> joe@example.com" in output
    assert "expected  250" in output and "got       554 5.7.1 Service unavailable" in output
    assert f"({tmp_path}/conf/main.cf:7)" in output


def test_each_domain_is_a_case(tmp_path: Path) -> None:
    main = MAIN.replace("$myhostname", "b.test, localhost, /etc/x")
    file = site(tmp_path, "  - {client: 192.0.2.1, to: 'joe@[each local domain]', reply: 250}\n", main=main)
    output = run("-v", file).output
    assert "joe@b.test" in output and output.endswith("2 cases: 2 passed\n"), output


def test_policy_services_and_the_clock_are_of_the_world(tmp_path: Path) -> None:
    file = site(tmp_path, "  - {client: 192.0.2.1, to: joe@example.com, reply: 450 4.7.1}\n")
    Path(file).write_text(Path(file).read_text().replace("policyd: DUNNO", "policyd: DEFER_IF_PERMIT later"))
    assert run(file).exit_code == 0
    Path(file).write_text(Path(file).read_text().replace("unix:private/policyd", "unix:private/other"))
    assert "451 4.3.5" in run(file).output


def test_what_cannot_be_looked_at_is_2(tmp_path: Path) -> None:
    assert run(str(tmp_path)).exit_code == 2
    assert run(str(tmp_path / "none.yaml")).exit_code == 2
    file = site(tmp_path, "  - {client: {address: 192.0.2.1, service: smtps}, to: joe@example.com, reply: 250}\n")
    result = run(file)
    assert result.exit_code == 2 and "[TS010]" in result.output and "smtp inet" in result.output
    (tmp_path / "conf/main.cf").unlink()
    result = run(file)
    assert result.exit_code == 2 and "[TS007]" in result.output
    assert run("-k", "nothing like this", str(TOP / "examples/postfix")).exit_code == 2


def test_a_message_that_is_looked_into_is_not_expressible(tmp_path: Path) -> None:
    case = "  - {client: 192.0.2.1, to: joe@example.com, header: 'Subject: x', reply: 250}\n"
    assert run(site(tmp_path, case)).exit_code == 0
    result = run(site(tmp_path, case, main=f"{MAIN}smtpd_milters = inet:127.0.0.1:9\n"))
    assert result.exit_code == 2 and "1 not expressible" in result.output and " 0 passed" in result.output
    assert "services: {inet:127.0.0.1:9: accept}" in result.output
    file = Path(site(tmp_path, case, main=f"{MAIN}smtpd_milters = {{ inet:127.0.0.1:9, timeout=5s }}\n"))
    file.write_text(file.read_text().replace("DUNNO", "DUNNO, 'inet:127.0.0.1:9': accept"))
    assert run(str(file)).exit_code == 0


def test_json_has_its_schema(tmp_path: Path) -> None:
    schema = json.loads((TOP / "docs/test-results.schema.json").read_text(encoding="utf-8"))
    file = site(tmp_path, "  - {client: 192.0.2.1, to: joe@example.com, reply: 550, goes: local ann}\n")
    for arguments in ((file,), (str(tmp_path / "none"),), (str(TOP / "examples/postfix"),)):
        document = json.loads(run("--format", "json", *arguments).stdout)
        jsonschema.validate(document, schema)
    document = json.loads(run("--format", "json", file).stdout)
    whats = [d["what"] for d in document["files"][0]["cases"][0]["differences"]]
    assert whats == ["reply", "goes"]


def test_junit(tmp_path: Path) -> None:
    cases = "  - {name: 'a <b> \"c\"', client: 192.0.2.1, to: joe@example.com, reply: 550}\n"
    cases += "  - {client: 192.0.2.1, to: joe@example.com, reply: 250}\n"
    file = site(tmp_path, cases)
    assert run("--junit", str(tmp_path / "r.xml"), file, str(tmp_path / "none.yaml")).exit_code == 2
    assert run("--junit", str(tmp_path / "r.xml"), file).exit_code == 1
    suite = ET.parse(tmp_path / "r.xml").getroot()[0]
    assert suite.attrib["tests"] == "2" and suite.attrib["failures"] == "1"
    failure = suite[0][0]
    assert suite[0].attrib["name"].startswith('a <b> "c"') and "expected 550" in failure.attrib["message"]
    assert len(suite[1]) == 0


def test_the_schema_is_printed() -> None:
    assert run("--schema").output == (TOP / "docs/test.schema.json").read_text(encoding="utf-8")


def test_coverage_names_what_no_case_has_touched(tmp_path: Path) -> None:
    main = MAIN.replace("smtpd_sender_restrictions =", "smtpd_sender_restrictions = permit_mynetworks,")
    file = site(
        tmp_path,
        "  - {client: 192.0.2.1, from: a@far.test, to: team@example.com, goes: [local ann, local joe]}\n",
        FAR,
        main,
    )
    output = run("--coverage", file).output
    assert "main.cf:8: restriction reject_unknown_sender_domain" in output
    assert "restriction permit_mynetworks\n" not in output
    assert "/aliases:3: table list:" in output and "/aliases:1: table team:" not in output
    document = json.loads(run("--coverage", "--format", "json", file).stdout)
    schema = json.loads((TOP / "docs/test-results.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, schema)
    (found,) = document["coverage"]
    assert found["touched"]["table"] == {"touched": 2, "of": 5}
    assert run("--coverage", "--engine", "postfix", file).exit_code == 2


def test_coverage_of_rulesets() -> None:
    document = json.loads(
        run("--coverage", "--format", "json", "-k", "relaying", str(TOP / "examples/sendmail")).stdout
    )
    (found,) = document["coverage"]
    untouched = [part["text"] for part in found["untouched"] if part["kind"] == "ruleset"]
    assert "tls_server" in untouched and "check_mail" not in untouched
    assert 0 < found["touched"]["ruleset"]["touched"] < found["touched"]["ruleset"]["of"]


@pytest.mark.parametrize("name", ["postfix/etc/postfix", "sendmail/etc/mail"])
def test_what_is_recorded_passes(name: str, tmp_path: Path) -> None:
    file = tmp_path / "today.test.yaml"
    result = run("--record", str(file), str(TOP / "examples" / name))
    assert result.exit_code == 0 and " cases" in result.output, result.output
    result = run("--format", "json", str(file))
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["summary"]["passed"] >= 40


def test_a_change_is_seen_by_what_was_recorded(tmp_path: Path) -> None:
    site(tmp_path, "  - {to: joe@example.com, reply: 250}\n")
    file = str(tmp_path / "today.test.yaml")
    run("--record", file, str(tmp_path / "conf"))
    main = tmp_path / "conf/main.cf"
    main.write_text(main.read_text().replace("mynetworks = 192.0.2.0/24", "mynetworks = 0.0.0.0/0"))
    result = run(file)
    assert result.exit_code == 1 and "expected  454 4.7.1" in result.output
    assert run("--record", file).exit_code == 2
    assert run("--record", file, str(tmp_path)).exit_code == 2


HEADER_CHECKS = "/^Subject: buy/ REJECT no advertising\n/^Subject: (.*)/ REPLACE Subject: [x] $1\n/^X-Old:/ IGNORE\n"


@pytest.mark.parametrize(
    ("case", "passes"),
    [
        ("header: 'Subject: hello', reply: 250, becomes: {Subject: '[x] hello'}", True),
        ("header: 'Subject: hello', becomes: {subject: hello}", False),
        ("header: {Subject: buy now}, reply: 550 5.7.1 no advertising", True),
        ("header: ['X-Old: 1', 'To: a@b.test'], becomes: {X-Old: '', To: a@b.test}", True),
        ('message: "Subject: buy\\n\\nbody\\n", reply: 250', False),
    ],
)
def test_messages_are_looked_into(case: str, passes: bool, tmp_path: Path) -> None:
    main = f"{MAIN}header_checks = regexp:/etc/postfix/header_checks\n"
    file = site(tmp_path, f"  - {{client: 192.0.2.1, from: a@far.test, to: joe@example.com, {case}}}\n", FAR, main)
    (tmp_path / "conf/header_checks").write_text(HEADER_CHECKS)
    result = run(file)
    assert result.exit_code == (0 if passes else 1), result.output


def test_what_leaves_is_looked_into_again(tmp_path: Path) -> None:
    main = f"{MAIN}smtp_header_checks = regexp:{{{{/^X-In:/ REPLACE X-Out: yes}}}}\n"
    head = "client: 192.0.2.1, from: a@far.test, to: x@far.test, header: 'X-In: no'"
    cases = f"  - {{{head}, becomes: {{X-In: '', X-Out: yes}}, goes: smtp far.test}}\n"
    result = run(site(tmp_path, cases, FAR, main))
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(("mapping", "to"), [("", "joe@example.com"), ("no_address_mappings", "any@alias.test")])
def test_a_content_filter_takes_all_mail(mapping: str, to: str, tmp_path: Path) -> None:
    main = f"{MAIN}content_filter = scan:[127.0.0.1]:10024\nreceive_override_options = {mapping}\n"
    main += "virtual_alias_maps = inline:{any@alias.test=joe@example.com}\nvirtual_alias_domains = alias.test\n"
    head = "client: 192.0.2.1, from: a@far.test, to: any@alias.test, header: 'X: y', reply: 250"
    file = site(tmp_path, f"  - {{{head}, goes: 'scan:[127.0.0.1]:10024 {to}'}}\n", FAR, main)
    with (tmp_path / "conf/master.cf").open("a") as services:
        services.write("scan unix - - n - - smtp\n")
    result = run(file)
    assert result.exit_code == 0, result.output
