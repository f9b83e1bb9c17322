#!/usr/bin/env python3
"""Runs the last release beside this version on one database, under load, and rolls back. No request may fail.

Usage: old_beside_new.py OLD_PROGRAM [SECONDS]
"""

import filecmp
import http.client
import pathlib
import sys
import threading
import time

import drill
from drill import ME, REFRESH, Gatehouse, Workshop, run, sign_up

CLIENTS = 4


def client(servers, stop, counts, failures):
    """Uses one session on all servers in turn."""
    tokens = None
    while not stop.is_set():
        for server in list(servers):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=15)
            try:
                if not tokens or len(counts) % 50 == 0:
                    tokens = sign_up(server.port, connection)
                status, answer = run(server.port, ME, token=tokens["accessToken"], connection=connection)
                assert status == 200 and answer["data"]["me"], answer
                status, answer = run(server.port, REFRESH, {"token": tokens["refreshToken"]}, connection=connection)
                assert status == 200 and "accessToken" in answer["data"]["refresh"], answer
                tokens = answer["data"]["refresh"]
                counts.append(2)
            except Exception as failure:  # noqa: BLE001, every failure counts
                if server in servers:
                    failures.append(f"port {server.port}: {failure!r}")


def leave(servers, server):
    """Takes a server out of service, and stops it once no client uses it."""
    servers.remove(server)
    time.sleep(1)
    server.stop()


def main(old_program, seconds="30"):
    part = int(seconds) / 5
    old_program, new_program = (str(pathlib.Path(program).resolve()) for program in [old_program, drill.PROGRAM])
    if filecmp.cmp(old_program, new_program, shallow=False):
        sys.exit("both programs are the same")
    for database in ["SQLite", "PostgreSQL"]:
        with Workshop() as workshop:
            url = (
                f"postgres://gatehouse@127.0.0.1:{workshop.postgres()}/postgres"
                if database == "PostgreSQL"
                else f"sqlite://{workshop.folder}/gatehouse.db"
            )
            drill.PROGRAM = old_program
            old = Gatehouse(workshop, url, log="old.log")
            servers, stop, counts, failures = [old], threading.Event(), [], []
            clients = [threading.Thread(target=client, args=(servers, stop, counts, failures)) for _ in range(CLIENTS)]
            for thread in clients:
                thread.start()
            time.sleep(part)
            drill.PROGRAM = new_program
            new = Gatehouse(workshop, url, log="new.log")  # migrates under load
            servers.append(new)
            time.sleep(part)
            leave(servers, old)
            time.sleep(part)
            drill.PROGRAM = old_program
            old.start()  # a rollback: the old version on the new schema
            servers.append(old)
            time.sleep(part)
            leave(servers, new)
            time.sleep(part)
            stop.set()
            for thread in clients:
                thread.join()
            print(f"{database}: {sum(counts)} requests, {len(failures)} failed")
            for failure in failures[:5]:
                print(f"  {failure}")
            if failures or not counts:
                sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
