# SPDX-License-Identifier: BSD-3-Clause
"""A real rsyslogd with the shipped configuration, its paths and server changed."""

import os
import subprocess

from servers import CHECKOUT, start, wait_for

CONTRIB = CHECKOUT / "contrib" / "shipping" / "rsyslog"


class Rsyslog:
    def __init__(self, directory, server, port):
        self.directory, self.server = directory, server
        self.file, self.errors = directory / "reports.jsonl", directory / "sitebound-errors"
        self.file.touch()
        text = (CONTRIB / "sitebound-report.conf").read_text()
        text = text.replace("/var/lib/unbound/", f"{directory}/").replace("/var/spool/rsyslog/", f"{directory}/")
        text = text.replace("logs-sitebound.report-default", server.stream)
        text = text.replace('serverport="9200"', f'serverport="{port}" uid="shipper" pwd="shipper-password"')
        self.configuration = directory / "rsyslog.conf"
        self.configuration.write_text(f'global(workDirectory="{directory}")\n{text}')
        self.url = f"http://127.0.0.1:{port}"
        self.process = None

    def start(self):
        command = ["rsyslogd", "-n", "-f", str(self.configuration), "-i", str(self.directory / "rsyslogd.pid")]
        self.process = start(command, self.directory / "rsyslogd.log")

    def write(self, lines, path=None):
        with open(path or self.file, "a", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)

    def resubmit(self):
        command = [str(CONTRIB / "sitebound-resubmit"), "--url", self.url, "--user", "shipper", "--errors", str(self.errors)]
        environment = dict(os.environ, SITEBOUND_PASSWORD="shipper-password")
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    def arrived(self, total):
        wait_for(f"{total} documents", lambda: self.server.count() >= total, 60, self.process)
        assert self.server.count() == total
