"""What the benchmarks share: a node in a temporary folder, an account, CPU readings. Standard library only."""
import atexit, http.client, json, os, shutil, signal, socket, subprocess, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.environ.get("ANB_BINARY", os.path.join(ROOT, ".build/release/anb"))
TICK = os.sysconf("SC_CLK_TCK")


def hide_bubblewrap():
    """A PATH with all programs but bwrap. Its first process ends before the one that waited for ffmpeg is waited for, so
    the kernel adds ffmpeg's CPU to nobody's children; without it nodes use unshare, and what they start is counted."""
    folder = tempfile.mkdtemp(prefix="anb-path-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for place in os.environ.get("PATH", "/usr/bin:/bin").split(":") + ["/usr/sbin", "/sbin"]:
        for name in os.listdir(place) if os.path.isdir(place) else []:
            if name != "bwrap" and not os.path.lexists(f"{folder}/{name}"):
                os.symlink(os.path.join(place, name), f"{folder}/{name}")
    os.environ["PATH"] = folder


hide_bubblewrap()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def make_clip(path, seconds):
    """The clip that Benchmarks/transcode is measured with: 1080p30, about 9 Mbit/s."""
    subprocess.run([os.path.join(ROOT, "Benchmarks/make-clip"), path, str(seconds)], check=True)


class Node:
    """A node that listens; `folder` puts several on one data folder, and then belongs to the first."""

    def __init__(self, *arguments, words=(), role="all", folder=None):
        self.owns_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="anb-benchmark-")
        self.port = free_port()
        self.log = open(os.path.join(self.folder, f"log-{self.port}"), "w")
        self.process = subprocess.Popen(
            [BINARY, *words, f"role={role}", f"port={self.port}", "http.host=127.0.0.1",
             f"dataDir={self.folder}/data", *arguments],
            stdout=subprocess.DEVNULL, stderr=self.log, cwd=self.folder)
        if role == "worker":
            return
        for _ in range(1200):
            try:
                if self.call("GET", "/api/ready")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise SystemExit("the node did not start: " + open(self.log.name).read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        if self.owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self, with_signal=signal.SIGTERM):
        """Returns how many seconds it took."""
        start = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
            self.process.wait(60)
        return time.monotonic() - start

    def records(self):
        """The log's records; other lines are left out."""
        with open(self.log.name) as log:
            return [json.loads(line) for line in log if line.startswith("{")]

    def call(self, method, path, body=None, token=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = "Bearer " + token
        if isinstance(body, dict):
            body = json.dumps(body)
            headers["Content-Type"] = "application/json"
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text else None

    def sign_up(self, name, city="Bogotá"):
        status, answer = self.call("POST", "/api/auth/signup", {
            "first_name": name, "last_name": "Bench", "email": f"{name}@bench.example", "password1": "bench-secret",
            "password2": "bench-secret", "city": city, "country": "Colombia"})
        assert status == 201, answer
        return answer["access_token"]

    def upload(self, path, token, title="Bench"):
        """Streams the form, as curl does; curl's own CPU is not ours."""
        out = subprocess.run(
            ["curl", "-sS", "-w", "\n%{http_code}", "-H", "Authorization: Bearer " + token, "-F", f"title={title}",
             "-F", f"video_file=@{path};type=video/mp4", f"http://127.0.0.1:{self.port}/api/videos/upload"],
            check=True, capture_output=True, text=True).stdout
        body, status = out.rsplit("\n", 1)
        assert status == "201", out
        return json.loads(body)["video_id"]

    def wait_processed(self, token, count, seconds=900, poll=0.2):
        end = time.time() + seconds
        while time.time() < end:
            videos = self.call("GET", "/api/videos", token=token)[1]
            done = [v for v in videos if v["status"] in ("processed", "failed")]
            if len(done) >= count:
                return done
            time.sleep(poll)
        raise SystemExit("not processed in time")

    def cpu(self):
        """(self, reaped children) in seconds: proc(5), fields 14 to 17 of stat."""
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        own, children = sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))
        return own / TICK, children / TICK


def folder_processes(folder):
    """Process ids of all that belongs to a data folder: nodes, guardian, PostgreSQL."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            words = open(f"/proc/{name}/cmdline").read()
            place = os.readlink(f"/proc/{name}/cwd")
        except OSError:
            continue
        if folder in words or place.startswith(folder):
            found.append(int(name))
    return found


def processes_cpu(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as f:
            total += sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))
    return total / TICK


def processes_pss(pids):
    """Proportional set size in MiB."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return total / 1024


def command_cpu(*command):
    """User and system time of a command with all its children."""
    before = os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return (after.children_user - before.children_user) + (after.children_system - before.children_system)


def median(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 2]
