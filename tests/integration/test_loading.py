# SPDX-License-Identifier: BSD-3-Clause
"""Loading the modules: symbols, the build check, where the configuration is found, and files that are bad at start."""

import itertools
import os
import pwd
import re
import shutil
import subprocess

import pytest

import data
import harness
import tabletest
from data import expand
from harness import StartError, missing, module_path, unbound_program, version

MODULES = ("synth", "noaaaa", "large", "report")
SIX = {"init", "deinit", "operate", "inform_super", "clear", "get_mem"}


def start(lab, modules=("synth",), **options):
    options.setdefault("conf", data.conf())
    return lab.resolver(data=data.upstream_data(), modules=modules, **options)


def refused(lab, **options):
    """What the log says of a start that must fail, without being killed by a signal."""
    with pytest.raises(StartError) as error:
        start(lab, **options)
    assert error.value.status > 0, "ended by signal:\n" + error.value.log
    return error.value.log


# -- symbols ------------------------------------------------------------------------------------
def symbols(path, *options):
    """Names in the dynamic symbol table, with their kind."""
    if not shutil.which("nm"):
        missing("nm is not installed")
    out = subprocess.run(["nm", "-D", *options, path], check=True, capture_output=True, text=True).stdout
    found = {}
    for line in out.splitlines():
        fields = line.split()
        found[fields[-1].split("@")[0]] = fields[-2]
    return found


def libraries(path):
    out = subprocess.run(["ldd", path], check=True, capture_output=True, text=True).stdout
    return re.findall(r"(/\S+) \(0x", out)


@pytest.mark.parametrize("module", [pytest.param(m, marks=pytest.mark.needs(m)) for m in MODULES])
def test_exports(module):
    """A module exports its six entry points and nothing else."""
    assert set(symbols(module_path(module), "--defined-only")) == SIX


@pytest.mark.parametrize("module", [pytest.param(m, marks=pytest.mark.needs(m)) for m in MODULES])
def test_undefined_symbols(module):
    """Everything a module needs is in the resolver or in a library that one of them is linked with."""
    path, program = module_path(module), unbound_program("unbound")
    there = set(symbols(program, "--defined-only"))
    for library in set(libraries(path) + libraries(program)):
        there |= set(symbols(library, "--defined-only"))
    wanted = {n for n, kind in symbols(path, "--undefined-only").items() if kind not in "wv"}
    assert wanted and wanted <= there, sorted(wanted - there)


@pytest.mark.parametrize("module", [pytest.param(m, marks=pytest.mark.needs(m)) for m in MODULES])
def test_bound_at_load(module):
    """-z now: a symbol that is missing is told at the start, not at the first query."""
    if not shutil.which("readelf"):
        missing("readelf is not installed")
    out = subprocess.run(["readelf", "-d", module_path(module)], check=True, capture_output=True, text=True).stdout
    assert re.search(r"BIND_NOW|\bNOW\b", out), out


# -- another Unbound ----------------------------------------------------------------------------
@pytest.mark.plain
@pytest.mark.parametrize("module", [pytest.param(m, marks=pytest.mark.needs(m)) for m in MODULES])
@pytest.mark.parametrize("prefix", ["UNBOUND_PREFIX_OTHER", "UNBOUND_PREFIX_RELEASE"])
def test_another_unbound_refuses(lab, module, prefix):
    other = unbound_program("unbound", prefix)
    if other is None:
        missing("%s is not there: no such Unbound to try the module in" % prefix)
    ours = version(unbound_program("unbound"))
    running = "build of that version" if version(other) == ours else version(other)
    log = refused(lab, modules=("synth",), module_files=[module_path(module)], prefix=prefix)
    lines = [line for line in log.splitlines() if ours in line and running in line]
    assert len(lines) == 1, log
    assert re.search(r"[Rr]ebuild|[Bb]uild it again", lines[0]), lines[0]


# -- alone and together -------------------------------------------------------------------------
@pytest.mark.parametrize("modules", [m for n in (1, 2, 3, 4) for m in itertools.combinations(harness.MODULE_ORDER, n)],
                         ids="+".join)
@pytest.mark.parametrize("section", ["with sections", "without sections"])
@pytest.mark.parametrize("apart", [False, True], ids=["one", "apart"])
def test_combinations(lab, modules, section, apart):
    """Any set of jobs, in one module and apart; a job whose section is absent does nothing."""
    for module in modules:
        if module_path(module) is None:
            missing("%s.so is not in SITEBOUND_MODULES" % module)
    conf = data.conf() if section == "with sections" else "{}\n"
    resolver = start(lab, modules, conf=conf, threads=4, apart=apart)
    synth = "synth" in modules and section == "with sections"
    noaaaa = "noaaaa" in modules and section == "with sections"
    for question, expected in (("10.1.2.3.Z A", "A 10.1.2.3 @300" if synth else "UP NXDOMAIN"),
                               ("svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5" if synth else "UP NXDOMAIN"),
                               ("www.example.com AAAA", "ND(example.com)" if noaaaa else "UP NOERROR"),
                               ("www.example.com A", "UP NOERROR"), ("x.notexample.com AAAA", "UP NOERROR")):
        for repeat in (False, True):
            lab.expect(resolver, question, expected, expand, repeat=repeat)
    tabletest.settle(resolver)


@pytest.mark.needs("synth", "noaaaa")
def test_section_of_another_module(lab):
    """A file with the sections of all modules serves a resolver that loads one of them."""
    text = harness.yaml_text(data.CONF)
    resolver = start(lab, ("synth",), conf=text, apart=True)
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    lab.expect(resolver, "www.example.com AAAA", "UP NOERROR", expand)
    resolver = start(lab, ("noaaaa",), conf=text, apart=True)
    lab.expect(resolver, "10.1.2.3.Z A", "UP NXDOMAIN", expand)
    lab.expect(resolver, "www.example.com AAAA", "ND(example.com)", expand)


def test_job_loaded_twice(lab):
    """A job that two modules do is refused with one line."""
    for files in (["sitebound", "synth"], ["synth", "synth"], ["noaaaa", "sitebound"]):
        text = refused(lab, modules=("synth", "noaaaa"), module_files=[module_path(f) for f in files])
        lines = [line for line in text.splitlines() if "is done by another module" in line]
        assert len(lines) == 1 and "sitebound" in lines[0], text


def test_job_twice_after_reload(lab):
    """A reload must not end the daemon: the module that has the job keeps it."""
    resolver = start(lab, ("synth", "noaaaa"), apart=True)
    with open(resolver.unbound_conf, encoding="utf-8") as file:
        text = file.read()
    with open(resolver.unbound_conf, "w", encoding="utf-8") as out:
        out.write(text.replace(module_path("noaaaa"), module_path("sitebound")))
    resolver.mark_log()
    resolver.reload()
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    lab.expect(resolver, "www.example.com AAAA", "ND(example.com)", expand)
    assert resolver.new_log().count("is done by another module") == 1


# -- where the configuration is -----------------------------------------------------------------
@pytest.mark.needs("synth")
@pytest.mark.parametrize("find", ["env", "view"])
def test_found_in(lab, find):
    resolver = start(lab, find=find)
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)


@pytest.mark.needs("synth")
@pytest.mark.parametrize("arguments", [("-d", "-c", "unbound.conf"), ("-dc", "@CONF@"), ("-d", "-c@CONF@"),
                                       ("-v", "-d", "-p", "-c", "@CONF@"), ("-c", "@CONF@", "-d")], ids=" ".join)
@pytest.mark.parametrize("directory", ["same", "other"])
def test_view_with_arguments(lab, tmp_path, arguments, directory):
    """However unbound.conf is given, and wherever `directory:` leads; also after a reload.

    A relative path and another directory is left out: at a reload Unbound itself does not find that file again.
    """
    options = {}
    if directory == "other" and "unbound.conf" not in arguments:
        options["server"] = 'directory: "%s"' % tmp_path
    resolver = start(lab, find="view", arguments=arguments, **options)
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    resolver.write_conf(data.conf(address={"ttl": 6}))
    resolver.reload()
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @6", expand)


@pytest.mark.needs("synth")
def test_view_with_a_relative_path(lab, tmp_path):
    """unbound.conf is found from where the daemon was started, though `directory:` leads elsewhere."""
    resolver = start(lab, find="view", arguments=("-d", "-c", "unbound.conf"), server='directory: "%s"' % tmp_path,
                     wrapper=["sh", "-c", 'PWD=$(pwd) && export PWD && exec "$0" "$@"'])
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)


@pytest.mark.needs("synth")
@pytest.mark.parametrize("text", [
    "view:\n  name: \"sitebound\"\n  local-data: 'config. TXT \"@\"'\n",
    "view:\n  name: other\n  local-data: 'config. TXT \"/nowhere\"'\nview:\n  name: sitebound\n  view-first: yes\n"
    "  local-zone: \"example.com.noaaaa.\" transparent\n  local-data: \"config. TXT @\"\n",
    "view:\n  name: \"sitebound\"\n  local-data: 'config. 3600 IN TXT \"@\"'\n",
], ids=["plain", "among others", "TTL and class"])
@pytest.mark.parametrize("how", ["in the file", "included"])
def test_view_texts(lab, tmp_path, text, how):
    conf = tmp_path / "sitebound.yaml"
    conf.write_text(harness.yaml_text({"synth": {"address-names": [{"zone": "ip.example.com", "ttl": 9}]}}))
    text = text.replace("@", str(conf))
    if how == "included":
        part = tmp_path / "part.conf"
        part.write_text(text)
        text = 'include: "%s"\n' % part
    resolver = start(lab, find=None, extra=text)
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @9", expand)


@pytest.mark.needs("synth")
def test_view_changes_at_reload(lab, tmp_path):
    """The path in unbound.conf is read again at a reload."""
    resolver = start(lab, find="view")
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    other = tmp_path / "other.yaml"
    other.write_text(harness.yaml_text({"synth": {"address-names": [{"zone": "ip.example.com", "ttl": 9}]}}))
    with open(resolver.unbound_conf, encoding="utf-8") as file:
        text = file.read()
    with open(resolver.unbound_conf, "w", encoding="utf-8") as file:
        file.write(text.replace(resolver.conf_file, str(other)))
    resolver.reload()
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @9", expand)


@pytest.mark.needs("synth")
def test_environment_wins(lab, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(harness.yaml_text({"synth": {"address-names": [{"zone": "ip.example.com", "ttl": 9}]}}))
    resolver = start(lab, find="view", env={"SITEBOUND_CONF": str(other)})
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @9", expand)


@pytest.mark.needs("synth")
def test_view_is_invisible(lab):
    """The view that says where the file is answers no client."""
    resolver = start(lab, find="view", forward=True)
    assert resolver.ask("config.", "TXT").data("TXT") == []


@pytest.mark.needs("synth")
def test_found_in_sysconfdir(lab, tmp_path):
    """<sysconfdir>/unbound/sitebound.yaml, seen in a mount namespace of its own."""
    with open(module_path("synth"), "rb") as file:
        paths = set(re.findall(rb"/[\x21-\x7e]*/sitebound\.yaml(?=\0)", file.read()))
    assert len(paths) == 1, paths
    path = paths.pop().decode()
    assert path.endswith("/unbound/sitebound.yaml")
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run([unshare, "--mount", "true"], check=False, capture_output=True).returncode:
        missing("unshare --mount is not possible here (it needs root)")
    text = tmp_path / "file.yaml"
    text.write_text(harness.yaml_text({"synth": {"address-names": [{"zone": "ip.example.com", "ttl": 8}]}}))
    folder = os.path.dirname(path)
    covered = folder
    while not os.path.isdir(covered):
        covered = os.path.dirname(covered)
    # an empty file system over the deepest folder that exists, with only the file and the module in it
    shared_object = str(tmp_path / "synth.so")
    shutil.copy(module_path("synth"), shared_object)
    script = 'mount -t tmpfs none "$1" && mkdir -p "$2" && cp "$3" "$2/sitebound.yaml" && shift 3 && exec "$@"'
    for needed in (str(tmp_path), os.path.realpath(unbound_program("unbound")), "/bin/sh", "/lib"):
        if (os.path.realpath(needed) + "/").startswith(os.path.realpath(covered).rstrip("/") + "/"):
            missing("%s does not exist, and %s cannot be covered" % (folder, covered))
    resolver = start(lab, find=None, module_files=[shared_object],
                     wrapper=[unshare, "--mount", "sh", "-c", script, "sh", covered, folder, str(text)])
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @8", expand)


@pytest.mark.needs("synth")
@pytest.mark.parametrize("find", ["environment", "view"])
def test_in_a_chroot(lab, tmp_path, find):
    """With `chroot:` the path of sitebound.yaml may be given as it is outside; also after a reload. All that is
    outside is in there, too, in a mount namespace of its own."""
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run([unshare, "--mount", "true"], check=False, capture_output=True).returncode:
        missing("unshare --mount is not possible here (it needs root)")
    root = tmp_path / "root"
    root.mkdir()
    conf = tmp_path / "sitebound.yaml"
    outside = "%s%s" % (root, conf)
    options = {"env": {"SITEBOUND_CONF": outside}} if find == "environment" else {
        "extra": "view:\n  name: sitebound\n  local-data: 'config. TXT \"%s\"'\n" % outside}
    text = harness.yaml_text({"synth": {"address-names": [{"zone": "ip.example.com", "ttl": 8}]}})
    conf.write_text(text)
    resolver = start(lab, find=None, server='chroot: "%s"' % root, arguments=("-d", "-c", "%s@CONF@" % root),
                     wrapper=[unshare, "--mount", "sh", "-c", 'mount --rbind / "$0" && exec "$@"', str(root)], **options)
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @8", expand)
    conf.write_text(text.replace("8", "9"))
    resolver.reload()
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @9", expand)


# -- files that are bad at start ----------------------------------------------------------------
GOOD = """\
synth:
  address-names:
    - zone: ip.example.com
      ttl: 300
  site-names:
    - label: dc
      parents: [prd.example.com]
      site: dc1
      fallback: [dc2]
"""

BAD = {
    "unknown key": (GOOD.replace("ttl: 300", "tll: 300"), [(4, "tll")]),
    "unknown section": (GOOD + "sinth:\n  a: 1\n", [(10, "sinth")]),
    "repeated key": (GOOD.replace("ttl: 300", "ttl: 300\n      ttl: 301"), [(5, "ttl")]),
    "wrong type": (GOOD.replace("[prd.example.com]", "{a: b}"), [(7, "parents")]),
    "not a number": (GOOD.replace("ttl: 300", "ttl: soon"), [(4, "ttl")]),
    "out of range": (GOOD.replace("ttl: 300", "ttl: -1"), [(4, "ttl")]),
    "too large": (GOOD.replace("ttl: 300", "ttl: 4294967296"), [(4, "ttl")]),
    "not a name": (GOOD.replace("zone: ip.example.com", "zone: ip..example.com"), [(3, "zone")]),
    "label too long": (GOOD.replace("zone: ip.example.com", "zone: %s.example.com" % ("x" * 64)), [(3, "zone")]),
    "not a prefix": (GOOD.replace("ttl: 300", "allow: [10.0.0.0/33]"), [(4, "allow")]),
    "unknown form": (GOOD.replace("ttl: 300", "forms: [octal]"), [(4, "forms")]),
    "bad word": (GOOD.replace("ttl: 300", "otherwise: maybe"), [(4, "otherwise")]),
    "reverse without allow": (GOOD.replace("ttl: 300", "reverse: yes"), [(None, "reverse")]),
    "fallback equal to the site": (GOOD.replace("[dc2]", "[dc2, dc1]"), [(9, "fallback")]),
    "bad pattern": (GOOD.replace("site: dc1", "site: {hostname: '^(?<site>[a-z'}"), [(8, "site")]),
    "no zone": (GOOD.replace("zone: ip.example.com", "forms: [dotted]"), [(None, "zone")]),
    "not YAML": (GOOD + "  - [\n", [(None, "")]),
    "several": (GOOD.replace("ttl: 300", "tll: 300").replace("[dc2]", "[dc1]").replace("zone: ip", "zone: i..p"),
                [(3, "zone"), (4, "tll"), (9, "fallback")]),
}


@pytest.mark.needs("synth")
def test_the_good_file_is_good(lab):
    resolver = start(lab, conf=GOOD)
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    lab.expect(resolver, "svc.dc.P A", "CNAME svc.dc1.P @300 + A 10.1.1.5", expand)


@pytest.mark.needs("synth")
@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("find", ["env", "view"])
def test_bad_file(lab, case, find):
    """The module refuses to load, Unbound ends and says FILE:LINE:COLUMN for each error."""
    text, errors = BAD[case]
    log = refused(lab, conf=text, find=find)
    told = [(int(line), rest) for line, rest in re.findall(r"/sitebound\.yaml:(\d+):\d+: (.*)", log)]
    assert told, log
    for line, word in errors:
        assert any((line is None or at == line) and word in rest for at, rest in told), log
    if None not in (line for line, _ in errors):
        assert len(told) == len(errors), log


@pytest.mark.needs("synth")
def test_missing_file(lab):
    log = refused(lab, conf=None)
    assert "sitebound.yaml" in log


@pytest.mark.needs("synth")
def test_unreadable_file(public_lab):
    """A file that the daemon (as its own user) may not read is a bad file."""
    secret = os.path.join(public_lab.folder, "sitebound.yaml")
    with open(secret, "w", encoding="utf-8") as out:
        out.write(GOOD)
    os.chmod(secret, 0o600)
    user = pwd.getpwnam("nobody").pw_name
    log = refused(public_lab, env={"SITEBOUND_CONF": secret}, user=user)
    assert secret in log and re.search("[Pp]ermission denied|may not|cannot", log), log
    os.chmod(secret, 0o644)
    resolver = start(public_lab, env={"SITEBOUND_CONF": secret}, user=user)
    public_lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)


@pytest.mark.needs("synth")
def test_too_large_file(lab):
    resolver = start(lab)
    os.truncate(resolver.conf_file, (32 << 20) + 1)
    resolver.reload()
    assert re.search(r"sitebound\.yaml: is too large\n.*the last good configuration stays in force", resolver.new_log())
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)


@pytest.mark.needs("synth")
def test_unreadable_part_of_unbound_conf(public_lab):
    """Root read all of unbound.conf; what the daemon's own user cannot read again counts for nothing, and that is said."""
    secret = os.path.join(public_lab.folder, "secret.conf")
    with open(secret, "w", encoding="utf-8") as out:
        out.write("server:\n  identity: secret\n")
    os.chmod(secret, 0o600)
    with pytest.raises(StartError) as error:
        public_lab.resolver(data=data.upstream_data(), modules=("synth",), conf=data.conf(), find="view", user="nobody",
                            extra='include: "%s"\n' % secret)
    assert "secret.conf" in error.value.log and "no good configuration in" in error.value.log
    os.chmod(secret, 0o644)
    resolver = public_lab.resolver(data=data.upstream_data(), modules=("synth",), conf=data.conf(), find="view",
                                   user="nobody", extra='include: "%s"\n' % secret)
    public_lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)


@pytest.mark.needs("noaaaa")
@pytest.mark.parametrize("text, line, word", [
    ("noaaaa:\n  - zones: [example.com]\n    answer: refused\n", 3, "answer"),
    ("noaaaa:\n  - zones: [example.com]\n    when: never\n", 3, "when"),
    ("noaaaa:\n  - zones: [example.com]\n    clients: [300.0.0.0/8]\n", 3, "clients"),
    ("noaaaa:\n  - zones: [example.com]\n    zone: [example.com]\n", 3, "zone"),
    ("noaaaa:\n  - zones: example.com\n    negative-ttl: x\n", 3, "negative-ttl"),
    ("noaaaa:\n  - except: [example.com]\n", 2, "zones"),
])
def test_bad_noaaaa(lab, text, line, word):
    log = refused(lab, modules=("noaaaa",), conf=text)
    told = [(int(at), rest) for at, rest in re.findall(r"/sitebound\.yaml:(\d+):\d+: (.*)", log)]
    assert any(at == line and word in rest for at, rest in told), log
