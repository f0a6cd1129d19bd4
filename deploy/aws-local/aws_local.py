"""Runs a command beside SeaweedFS (S3), ministack (SQS) and PostgreSQL over TCP with TLS, all on loopback.

The parts live in a temporary folder and on free ports. The command finds them by its environment, in the names that
the AWS SDKs and `anb` use. A part that dies is started again, as a cloud would. All ends with the command.

    aws_local.py [--moto] [--faults] COMMAND...

--moto    moto as a second SQS, its address in ANB_LOCAL_MOTO
--faults  microburst in front of each part; its control addresses are in ANB_LOCAL_FAULTS_{S3,SQS,POSTGRES}, and
          ANB_LOCAL_DATABASE_URL leads past it
"""

import atexit
import base64
import ctypes
import glob
import json
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

BIN = os.path.dirname(sys.executable)
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
REGION = "us-east-1"
START_SECONDS = 60


class Part:
    """A server that is kept running: started anew when it dies, until it is stopped."""

    def __init__(self, name, words, log, environment=None, user=None, stop=signal.SIGTERM):
        self.name, self.words, self.log, self.user, self.stop_signal = name, words, log, user, stop
        self.environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": "/nonexistent", **(environment or {})}
        self.process, self.told = None, None

    def start(self):
        def prepare():
            if self.user:
                os.setgroups([])
                os.setgid(self.user.pw_gid)
                os.setuid(self.user.pw_uid)
            # After the change of user, which clears it. Bound to this process's only thread.
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL if self.name != "postgres" else signal.SIGQUIT)

        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment, cwd="/",
                start_new_session=True, preexec_fn=prepare)

    def tell(self, folder):
        """Leaves the process id where tests look for it, whole at any moment."""
        if self.told != self.process.pid:
            with open(f"{folder}/{self.name}.pid.new", "w") as file:
                file.write(str(self.process.pid))
            os.rename(f"{folder}/{self.name}.pid.new", f"{folder}/{self.name}.pid")
            self.told = self.process.pid

    def keep(self):
        if self.process.poll() is not None:
            self.start()

    def stop(self):
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_ports(count):
    """Below the range of outgoing connections, so that none of those takes one before its server does."""
    found = []
    while len(found) < count:
        port = random.randrange(18000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def wait_for(port, part, parts):
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            for other in parts:
                other.keep()
            time.sleep(0.05)
    sys.exit(f"aws-local: {part} did not start within {START_SECONDS} s: see {parts[0].log.rsplit('/', 1)[0]}")


def postgres(folder, port, password):
    binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not binaries:
        sys.exit("aws-local: PostgreSQL's programs are missing: apt-get install postgresql")
    user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    data, secret = f"{folder}/postgres", f"{folder}/password"
    os.mkdir(data, 0o700)
    with open(secret, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(password)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", f"{folder}/server.key",
         "-out", f"{folder}/server.crt"], check=True, capture_output=True)
    os.chmod(f"{folder}/server.key", 0o600)
    if user:
        for path in (data, secret, f"{folder}/server.key"):
            os.chown(path, user.pw_uid, user.pw_gid)
    as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    subprocess.run(
        [f"{binaries[-1]}/initdb", "-D", data, "--no-sync", "-E", "UTF8", "--locale=C.UTF-8", "-U", "anb",
         "--auth=scram-sha-256", f"--pwfile={secret}"], check=True, capture_output=True, cwd="/", **as_user)
    settings = {
        "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "max_connections": 100,
        "shared_buffers": "32MB", "jit": "off", "ssl": "on", "ssl_cert_file": f"{folder}/server.crt",
        "ssl_key_file": f"{folder}/server.key", "recovery_init_sync_method": "syncfs",
    }
    words = [f"{binaries[-1]}/postgres", "-D", data]
    for name, value in settings.items():
        words += ["-c", f"{name}={value}"]
    return Part("postgres", words, f"{folder}/postgres.log", user=user, stop=signal.SIGINT)


def seaweedfs(folder, ports, key, secret, external):
    data, identities = f"{folder}/seaweedfs", f"{folder}/identities.json"
    os.mkdir(data)
    with open(identities, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        json.dump({"identities": [{
            "name": "anb", "credentials": [{"accessKey": key, "secretKey": secret}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}, file)
    names = ["s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc",
             "filer.port", "filer.port.grpc", "admin.port", "admin.port.grpc"]
    words = [f"{BIN}/weed", "mini", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-admin.ui=false",
             "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={identities}",
             "-s3.autoCreateBucket=false", "-idleTimeout=2", "-s3.idleTimeout=2", f"-s3.externalUrl={external}"]
    words += [f"-{name}={port}" for name, port in zip(names, ports)]
    environment = {"WEED_S3_SSE_KEK": secrets.token_hex(32), "GOMEMLIMIT": "200MiB", "HOME": folder}
    return Part("seaweedfs", words, f"{folder}/seaweedfs.log", environment, stop=signal.SIGKILL)


def main():
    words = sys.argv[1:]
    options = set()
    while words and words[0].startswith("--"):
        options.add(words.pop(0))
    if not words or options - {"--moto", "--faults"}:
        sys.exit(__doc__)
    # From here on a signal ends the start in good order, too.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    folder = tempfile.mkdtemp(prefix="anb-aws-local-", dir="/tmp")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.chmod(folder, 0o711)
    key, secret, password = "AKIAANBLOCAL00000000", secrets.token_urlsafe(30), secrets.token_urlsafe(18)
    ports = free_ports(20)
    s3, sqs, database = ports[0], ports[10], ports[11]
    outer = {"s3": s3, "sqs": sqs, "postgres": database}
    parts, environment = [], {}

    def database_url(port):
        return f"postgres://anb:{password}@127.0.0.1:{port}/postgres?sslmode=verify-full&sslrootcert={folder}/server.crt"

    if "--faults" in options:
        outer = {"s3": ports[12], "sqs": ports[13], "postgres": ports[14]}
    parts.append(postgres(folder, database, password))
    parts.append(seaweedfs(folder, ports[:10], key, secret, f"http://127.0.0.1:{outer['s3']}"))
    parts.append(Part("ministack", [f"{BIN}/ministack"], f"{folder}/ministack.log", {
        "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(sqs), "MINISTACK_HOST": "127.0.0.1", "HOME": folder}))
    waited = [(database, "PostgreSQL"), (s3, "SeaweedFS"), (sqs, "ministack")]
    if "--moto" in options:
        parts.append(Part("moto", [f"{BIN}/moto_server", "-H", "127.0.0.1", "-p", str(ports[15])], f"{folder}/moto.log"))
        environment["ANB_LOCAL_MOTO"] = f"http://127.0.0.1:{ports[15]}"
        waited.append((ports[15], "moto"))
    if "--faults" in options:
        for place, (name, inner) in enumerate({"s3": s3, "sqs": sqs, "postgres": database}.items()):
            control = ports[16 + place]
            form = ["-u", f"http://127.0.0.1:{inner}"] if name != "postgres" else [
                "--protocol", "tcp", "-u", f"127.0.0.1:{inner}", "--control-port", str(control)]
            parts.append(Part(
                f"faults-{name}", [f"{BIN}/microburst", *form, "-p", str(outer[name])], f"{folder}/faults-{name}.log"))
            environment[f"ANB_LOCAL_FAULTS_{name.upper()}"] = (
                f"http://127.0.0.1:{control if name == 'postgres' else outer[name]}")
            waited.append((outer[name], f"microburst for {name}"))
    environment.update({
        "DATABASE_URL": database_url(outer["postgres"]), "ANB_LOCAL_DATABASE_URL": database_url(database),
        "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{outer['s3']}", "AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{outer['sqs']}",
        "ANB_STORAGE_KIND": "s3", "ANB_STORAGE_BUCKET": "anb-videos", "ANB_QUEUE_KIND": "sqs",
        "ANB_AUTH_KEYS": "local:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "ANB_LOCAL_FOLDER": folder, "ANB_LOCAL_PYTHON": sys.executable,
    })
    code = 1
    try:
        for part in parts:
            part.start()
        for port, name in waited:
            wait_for(port, name, parts)
        code = run(words, environment, parts)
    finally:
        for part in parts:
            if part.process:
                part.stop()
    sys.exit(code)


def in_foreground():
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)


def run(words, environment, parts):
    command = subprocess.Popen(
        words, env={**os.environ, **environment}, preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM))

    def forward(number, _):
        # A terminal sends its signals to the whole foreground group: a second one would end the command at once.
        if number != signal.SIGINT or not in_foreground():
            command.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, forward)
    while True:
        for part in parts:
            part.tell(environment["ANB_LOCAL_FOLDER"])
        try:
            code = command.wait(0.25)
            return code if code >= 0 else 128 - code
        except subprocess.TimeoutExpired:
            for part in parts:
                part.keep()


if __name__ == "__main__":
    main()
