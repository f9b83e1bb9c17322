"""What the drills share: processes, a PostgreSQL server, Gatehouse servers, and HTTP requests."""

import glob
import hashlib
import http.client
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("GATEHOUSE", str(ROOT / "target/debug/gatehouse"))
POSTGRES = next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)), "")
PASSWORD = "correct horse battery"

SIGN_UP = "mutation($input: SignupInput!) { signup(input: $input) { ... on AuthPayload { accessToken refreshToken } ... on UserError { code } } }"
REFRESH = "mutation($token: String!) { refresh(refreshToken: $token) { ... on AuthPayload { accessToken refreshToken } ... on UserError { code } } }"
ME = "{ me { id } }"


def free_port():
    """Returns a port that is not in use."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def require(program):
    """Returns the path of a program, or ends the drill with advice to install it."""
    found = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if not found:
        sys.exit(f"{program} is not installed (on Debian: apt-get install {program})")
    return found


def until(what, condition, seconds=60):
    """Waits until a condition is true. Returns its value."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)
    return value


class Workshop:
    """A temporary folder, and processes that end with it."""

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gatehouse-drill-"))
        self.folder.chmod(0o755)
        self.processes = []
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *command, log="log", **options):
        """Starts a process, whose output goes to a file in the folder."""
        output = open(self.folder / log, "ab")
        process = subprocess.Popen(command, stdout=output, stderr=output, **options)
        self.processes.append(process)
        return process

    def text(self, log):
        """Returns what a process has written."""
        return (self.folder / log).read_text(errors="replace")

    def postgres(self):
        """Starts a PostgreSQL server, and returns its port."""
        port = free_port()
        script = str(ROOT / "tests/api/support/postgres.sh")
        server = subprocess.Popen([script, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.processes.append(server)
        assert server.stdout.readline().strip() == "ready"
        self.primary = server
        return port

    def standby(self, primary):
        """Starts a streaming standby of the server on this port, and returns its port."""
        port, folder = free_port(), self.folder / "standby"
        folder.mkdir(mode=0o700)
        as_postgres = []
        if os.getuid() == 0:
            shutil.chown(folder, "postgres")
            as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        primary_is = ["-h", "127.0.0.1", "-p", str(primary), "-U", "gatehouse"]
        backup = [f"{POSTGRES}/pg_basebackup", *primary_is, "-D", str(folder), "-R", "-c", "fast"]
        subprocess.run([*as_postgres, *backup], check=True, cwd="/")
        options = ["-c", "fsync=off", "-c", "max_connections=400"]
        self.run(
            *[*as_postgres, f"{POSTGRES}/postgres", "-D", str(folder), "-p", str(port), "-h", "127.0.0.1"],
            *["-k", str(folder), *options],
            log="standby.log",
            cwd="/",
        )
        ready = [f"{POSTGRES}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        until("the standby is ready", lambda: subprocess.run(ready).returncode == 0)
        return port

    def tell_postgres(self, command):
        """Tells the server that `postgres` started to `crash`, `start`, `pause` or `resume`, and waits until it has."""
        self.primary.stdin.write(f"{command}\n")
        self.primary.stdin.flush()
        assert self.primary.stdout.readline().strip() == "done"


class Gatehouse:
    """A server in production."""

    def __init__(self, workshop, database_url, log="gatehouse.log", **settings):
        self.workshop, self.log, self.port = workshop, log, settings.pop("PORT", None) or free_port()
        self.settings = {
            "DATABASE_URL": database_url,
            "SECRET_KEY": hashlib.sha256(b"a drill").hexdigest(),
            "PUBLIC_URL": "http://127.0.0.1",
            "SMTP_URL": "smtp://127.0.0.1:9",
            "EMAIL_FROM": "accounts@example.org",
            "RATE_LIMITS": "off",
            "ARGON2_MEMORY_KIB": "7168",
            "ARGON2_ITERATIONS": "1",
            "SHUTDOWN_DELAY": "0s",
            "PORT": str(self.port),
            **settings,
        }
        self.start()

    def start(self):
        """Starts the process and waits until it listens."""
        self.process = self.workshop.run(
            PROGRAM, "serve", "--migrate", log=self.log, env=self.settings, cwd=self.workshop.folder
        )
        until("the server listens", self.is_live)

    def is_live(self):
        assert self.process.poll() is None, self.workshop.text(self.log)
        try:
            return get(self.port, "/health/live")[0] == 200
        except OSError:
            return False

    def stop(self):
        """Asks the process to stop, and waits until it has."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def get(port, path):
    """Sends a GET request. Returns the status and the body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read()


def run(port, query, variables=None, token=None, connection=None):
    """Runs an operation. Returns the status and the JSON of the response."""
    connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection.request("POST", "/graphql", json.dumps({"query": query, "variables": variables}), headers)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def sign_up(port, connection=None):
    """Signs up, and returns the tokens."""
    person = {"email": f"{secrets.token_hex(8)}@example.org", "password": PASSWORD}
    status, answer = run(port, SIGN_UP, {"input": person}, connection=connection)
    assert status == 200 and "accessToken" in answer["data"]["signup"], answer
    return answer["data"]["signup"]


def sql(port, statement):
    """Runs a statement on a PostgreSQL server. Returns what it prints."""
    command = [f"{POSTGRES}/psql", "-XAtq", "-h", "127.0.0.1", "-p", str(port), "-U", "gatehouse", "-d", "postgres", "-c", statement]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
