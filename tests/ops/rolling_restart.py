#!/usr/bin/env python3
"""Restarts two replicas behind a real proxy, one after the other, under load. No request may fail. The proxies are configured by
the files in `deploy/proxy`.

Usage: rolling_restart.py nginx|haproxy|caddy [RESTARTS [SHUTDOWN_DELAY]]
"""

import http.client
import re
import sys
import threading

from drill import ME, REFRESH, Gatehouse, ROOT, Workshop, free_port, get, require, run, sign_up, until

CLIENTS = 8


def nginx(workshop, port, replicas, delay):
    """Runs the nginx of `deploy/`, without TLS."""
    text = (ROOT / "deploy/proxy/nginx.conf").read_text()
    for address, replica in zip(["192.0.2.11:8000", "192.0.2.12:8000"], replicas):
        text = text.replace(address, f"127.0.0.1:{replica.port}")
    # the keep-alive time must be shorter than the delay
    text = text.replace("keepalive_timeout 4s", f"keepalive_timeout {max(1, delay - 1)}s" if delay > 1 else "keepalive_timeout 500ms")
    text = re.sub(r"^ *(ssl_|listen \[).*\n", "", text, flags=re.M)
    text = text.replace("listen 443 ssl http2", f"listen 127.0.0.1:{port}").replace("listen 80", f"listen 127.0.0.1:{free_port()}")
    temporary = " ".join(f"{kind}_temp_path {kind};" for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
    (workshop.folder / "nginx.conf").write_text(
        f"daemon off; pid nginx.pid; error_log stderr; events {{}} http {{ access_log off; {temporary}\n{text}\n}}\n"
    )
    return workshop.run(require("nginx"), "-p", str(workshop.folder), "-c", "nginx.conf", log="proxy.log")


def haproxy(workshop, port, replicas, delay):
    """Runs the HAProxy of `deploy/`, without TLS."""
    text = (ROOT / "deploy/proxy/haproxy.cfg").read_text()
    for address, replica in zip(["192.0.2.11:8000", "192.0.2.12:8000"], replicas):
        text = text.replace(address, f"127.0.0.1:{replica.port}")
    # two checks must fit into the delay
    text = text.replace("inter 1s", f"inter {200 * delay}ms")
    text = re.sub(r"^ *(ssl-default).*\n", "", text, flags=re.M)
    text = text.replace("bind :::80 v4v6", f"bind 127.0.0.1:{free_port()}")
    text = re.sub(r"bind :::443 .*", f"bind 127.0.0.1:{port}", text)
    (workshop.folder / "haproxy.cfg").write_text(text)
    return workshop.run(require("haproxy"), "-db", "-f", "haproxy.cfg", log="proxy.log", cwd=workshop.folder)


def caddy(workshop, port, replicas, delay):
    """Runs the Caddy of `deploy/`, without TLS."""
    text = (ROOT / "deploy/proxy/Caddyfile").read_text()
    text = text.replace("{$DOMAIN:accounts.example.org}", f"http://127.0.0.1:{port}")
    text = text.replace("{$REPLICAS:192.0.2.11:8000 192.0.2.12:8000}", " ".join(f"127.0.0.1:{replica.port}" for replica in replicas))
    text = text.replace("{\n\tservers", "{\n\tadmin off\n\tservers", 1)
    # the intervals must be shorter than the delay
    text = text.replace("health_interval 1s", f"health_interval {200 * delay}ms").replace("keepalive 3s", f"keepalive {500 * delay}ms")
    (workshop.folder / "Caddyfile").write_text(text)
    return workshop.run(
        require("caddy"), "run", "--config", "Caddyfile", "--adapter", "caddyfile",
        log="proxy.log", cwd=workshop.folder, env={"HOME": str(workshop.folder)},
    )


def client(port, stop, counts, failures):
    """Signs up, reads and refreshes without pause, on one connection for as long as it lasts."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    while not stop.is_set():
        try:
            tokens = sign_up(port, connection)
            for _ in range(20):
                status, answer = run(port, ME, token=tokens["accessToken"], connection=connection)
                assert status == 200, answer
                status, answer = run(port, REFRESH, {"token": tokens["refreshToken"]}, connection=connection)
                assert status == 200 and "accessToken" in answer["data"]["refresh"], answer
                tokens = answer["data"]["refresh"]
                counts.append(2)
        except Exception as failure:  # noqa: BLE001, every failure counts
            failures.append(repr(failure))
            connection.close()


def main(proxy, restarts="10", delay="5s"):
    with Workshop() as workshop:
        database = workshop.postgres()
        url = f"postgres://gatehouse@127.0.0.1:{database}/postgres"
        settings = {"SHUTDOWN_DELAY": delay, "TRUSTED_PROXIES": "127.0.0.1"}
        replicas = [Gatehouse(workshop, url, log=f"replica{n}.log", **settings) for n in range(2)]
        port = free_port()
        {"nginx": nginx, "haproxy": haproxy, "caddy": caddy}[proxy](workshop, port, replicas, int(delay.removesuffix("s")))
        until("the proxy answers", lambda: is_served(port))
        stop, counts, failures = threading.Event(), [], []
        clients = [threading.Thread(target=client, args=(port, stop, counts, failures)) for _ in range(CLIENTS)]
        for thread in clients:
            thread.start()
        for number in range(int(restarts)):
            replica = replicas[number % 2]
            replica.stop()
            replica.start()
            # like an orchestrator, waits until this replica is in service again before restarting the next
            until("the replica is ready", lambda: get(replica.port, "/health/ready")[0] == 200)
            threading.Event().wait(1)
        stop.set()
        for thread in clients:
            thread.join()
        print(f"{proxy}: {restarts} restarts, {sum(counts)} requests, {len(failures)} failed")
        for failure in failures[:5]:
            print(f"  {failure}")
        if failures:
            lines = workshop.text("proxy.log").splitlines()
            print("\n".join(line for line in lines if "Connection refused" not in line)[-3000:])
        sys.exit(1 if failures or not counts else 0)


def is_served(port):
    try:
        return run(port, "{ authSettings { otpLength } }")[0] == 200
    except OSError:
        return False


if __name__ == "__main__":
    main(*sys.argv[1:])
