#!/usr/bin/env python3
"""Restarts two replicas behind a real proxy, one after the other, under load. No request may fail.

Usage: rolling_restart.py nginx|haproxy [RESTARTS [SHUTDOWN_DELAY]]
"""

import http.client
import pathlib
import sys
import threading

from drill import ME, REFRESH, Gatehouse, ROOT, Workshop, free_port, require, run, sign_up, until

CLIENTS = 8


def nginx(workshop, port, replicas):
    servers = "".join(f"server 127.0.0.1:{replica.port} max_fails=0;" for replica in replicas)
    (workshop.folder / "nginx.conf").write_text(
        f"""
        daemon off; pid nginx.pid; error_log stderr; worker_processes 1;
        events {{}}
        http {{
            access_log off;
            client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
            upstream gatehouse {{ {servers} keepalive 16; keepalive_timeout 500ms; }}
            server {{
                listen 127.0.0.1:{port};
                location / {{
                    proxy_pass http://gatehouse;
                    proxy_http_version 1.1;
                    proxy_set_header Connection "";
                    proxy_set_header Host $host;
                    proxy_set_header X-Forwarded-For $remote_addr;
                    proxy_connect_timeout 1s;
                }}
            }}
        }}
        """
    )
    return workshop.run(require("nginx"), "-p", str(workshop.folder), "-c", "nginx.conf", log="proxy.log")


def haproxy(workshop, port, replicas):
    servers = "\n".join(
        f"            server replica{number} 127.0.0.1:{replica.port} check inter 200ms fall 1 rise 1"
        for number, replica in enumerate(replicas)
    )
    (workshop.folder / "haproxy.cfg").write_text(
        f"""
        defaults
            mode http
            timeout connect 1s
            timeout client 60s
            timeout server 60s
            retries 3
            option redispatch
        frontend public
            bind 127.0.0.1:{port}
            default_backend gatehouse
        backend gatehouse
            option httpchk GET /health/ready
            option forwardfor
            # only before the request is sent: a sign-up that is sent twice answers EMAIL_TAKEN
            retry-on conn-failure
{servers}

        """
    )
    return workshop.run(require("haproxy"), "-db", "-f", "haproxy.cfg", log="proxy.log", cwd=workshop.folder)


def client(port, stop, counts, failures):
    """Signs up, reads and refreshes without pause, on one connection as long as it lasts."""
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
        {"nginx": nginx, "haproxy": haproxy}[proxy](workshop, port, replicas)
        until("the proxy answers", lambda: is_served(port))
        stop, counts, failures = threading.Event(), [], []
        clients = [threading.Thread(target=client, args=(port, stop, counts, failures)) for _ in range(CLIENTS)]
        for thread in clients:
            thread.start()
        for number in range(int(restarts)):
            replica = replicas[number % 2]
            replica.stop()
            replica.start()
            # as an orchestrator does, the next one waits until this one is in service again
            until("the replica is ready", lambda: run(replica.port, "{ authSettings { otpLength } }")[0] == 200)
            threading.Event().wait(1)
        stop.set()
        for thread in clients:
            thread.join()
        print(f"{proxy}: {restarts} restarts, {sum(counts)} requests, {len(failures)} failed")
        for failure in failures[:5]:
            print(f"  {failure}")
        sys.exit(1 if failures or not counts else 0)


def is_served(port):
    try:
        return run(port, "{ authSettings { otpLength } }")[0] == 200
    except OSError:
        return False


if __name__ == "__main__":
    main(*sys.argv[1:])
