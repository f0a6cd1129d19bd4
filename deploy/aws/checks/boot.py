"""User data, run with stubs in place of the machine."""

import json
import os
import re
import shutil
import subprocess
import tempfile

from .common import ACCOUNT, DATABASE_HOST, GIVEN, REGION, read

# What user data calls, in place of the machine that it would change.
STUBS = """
apt-get() { :; }
chown() { :; }
sleep() { :; }
install() { mkdir -p "${@: -1}"; }
systemctl() { printf '%s\\n' "${@: -1}" >>"$ROOT/started"; }
jq() { cat >/dev/null; printf 'secret\\n'; }
anb-imds() { echo i-1; }
curl() { local i; for ((i = 1; i <= $#; i++)); do [ "${!i}" != -o ] || { i=$((i + 1)); : >"${!i}"; }; done; }
aws() {
    case "$1 $2" in
        "cloudformation signal-resource") echo "$6 ${*: -1}" >>"$ROOT/signals" ;;
        "secretsmanager get-secret-value") printf 'k%.0s' {1..64}; echo ;;
    esac
}
"""
FOLDERS = ["etc/anb", "etc/systemd/system", "usr/local/sbin", "opt/aws/amazon-cloudwatch-agent/etc",
           "opt/aws/amazon-cloudwatch-agent/bin", "var/log", "tmp"]


def boot(root, script, more=""):
    """Runs user data with stubs below a folder; returns its exit code, and what it has written there."""
    shutil.rmtree(root, ignore_errors=True)
    for folder in FOLDERS:
        os.makedirs(f"{root}/{folder}")
    control = f"{root}/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"
    with open(control, "w", opener=lambda path, flags: os.open(path, flags, 0o755)) as file:
        file.write("#!/bin/sh\n")
    its_own = r"(?<![\w.}:/])/(?=etc/anb|etc/systemd|usr/local/sbin|opt/aws|var/log/anb-boot|tmp/)"
    here = re.sub(its_own, f"{root}/", script)
    environment = {"PATH": "/usr/bin:/bin", "ROOT": root}
    done = subprocess.run(["bash", "-c", f"{STUBS}{more}\n{here}"], env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)
    if done.returncode and not more:
        print(done.stderr[-500:], open(f"{root}/var/log/anb-boot.log", encoding="utf-8").read()[-1500:])
    def written(path):
        try:
            with open(f"{root}/{path}", encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return None
    return done.returncode, written


def user_data(check, name, script):
    role = "api" if name == "ApiTemplate" else "worker"
    check(f"{name}: user data below 16 KiB", len(script.encode()) < 16384)
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
    check(f"{name}: user data is bash", (done.returncode, done.stderr), (0, ""))
    check(f"{name}: user data is of its role, with the package", (f"ROLE={role} " in script,
          f"PACKAGE='{GIVEN['PackageUrl']}'" in script), (True, True))
    with tempfile.TemporaryDirectory(prefix="anb-user-data-") as root:
        code, written = boot(root, script)
        check(f"{name}: user data runs, and CloudFormation hears of it", (code, written("signals")),
              (0, f"{'ApiNodes' if role == 'api' else 'WorkerNodes'} SUCCESS\n"))
        started = ["anb-drain.service", f"anb-{role}.service"]
        check(f"{name}: user data starts the node and its drain",
              [line for line in started if f"{line}\n" in written("started")], started)
        settings = json.loads(written("etc/anb/cluster.json"))
        agent = json.loads(written("opt/aws/amazon-cloudwatch-agent/etc/anb.json"))
        check(f"{name}: the database's password and, on API nodes alone, the token keys are there",
              (written("etc/anb/database-password"), written("etc/anb/token-keys")),
              ("secret\n", f"k1:{'k' * 64}\n" if role == "api" else None))
        check(f"{name}: the drain stops this role's unit, then lets the group go on",
              [f"stop anb-{role}.service" in written("usr/local/sbin/anb-drain"),
               f"--auto-scaling-group-name anb-{role} " in written("usr/local/sbin/anb-drain")], [True, True])
        check(f"{name}: nginx believes the balancer's subnets", (written("etc/anb/balancers.conf") or "").split("\n"),
              ["set_real_ip_from 10.20.0.0/24;", "set_real_ip_from 10.20.1.0/24;", ""] if role == "api" else [""])
        code, written = boot(root, script, "apt-get() { false; }")
        check(f"{name}: CloudFormation hears of a failure, too", (code != 0, written("signals")),
              (True, f"{'ApiNodes' if role == 'api' else 'WorkerNodes'} FAILURE\n"))
    paths = [f"{section}.{key}" for section, members in settings.items() if isinstance(members, dict) for key in members]
    known = set(re.findall(r"^\| `([^`]+)`", read("docs/configuration.md"), re.M))
    check(f"{name}: cluster.json has known keys alone", sorted(set(paths) - known), [])
    check(f"{name}: cluster.json has the drain's numbers", settings["drain"],
          {"noticeSeconds": 65 if role == "api" else 0, "graceSeconds": 30})
    check(f"{name}: cluster.json leads to the stack's bucket and database",
          (settings["storage"]["bucket"], DATABASE_HOST in settings["database"]["url"],
           "sslmode=verify-full" in settings["database"]["url"]),
          (f"anb-videos-{ACCOUNT}-{REGION}", True, True))
    files = {part["file_path"]: part["log_group_name"]
             for part in agent["logs"]["logs_collected"]["files"]["collect_list"]}
    check(f"{name}: the agent brings metrics and log to CloudWatch",
          (files.get("/var/log/anb/metrics.log"), files.get("/var/log/anb/node.log")), ("/anb/metrics", "/anb/node"))
    check(f"{name}: the agent measures the disk", "disk" in agent["metrics"]["metrics_collected"])
