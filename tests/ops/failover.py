#!/usr/bin/env python3
"""Kills the primary of a synchronous pair under load, and promotes its standby. Nothing that was acknowledged may be lost.

Usage: failover.py [SECONDS [DATABASE_URL]]

If DATABASE_URL is given, it names several servers, and another program such as Patroni performs the failover: kill the
primary while this script runs. Otherwise, the script starts the servers, kills the primary halfway, and promotes the standby.
"""

import http.client
import secrets
import sys
import threading
import time

from drill import ME, PASSWORD, REFRESH, Gatehouse, Workshop, get, run, sign_up, sql, until

CLIENTS = 8
SIGN_IN = "mutation($input: LoginInput!) { login(input: $input) { __typename } }"
SIGN_UP = "mutation($input: SignupInput!) { signup(input: $input) { ... on AuthPayload { accessToken refreshToken } } }"
END = "mutation { logoutAll { endedSessionIds } }"


class Record:
    """What the server has acknowledged, and when."""

    def __init__(self):
        self.people, self.refreshed, self.ended, self.times, self.refused = [], {}, [], [], 0


def client(server, stop, record):
    """Signs people up, refreshes their sessions and ends every second one."""
    while not stop.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=15)
        person = {"email": f"{secrets.token_hex(8)}@example.org", "password": PASSWORD}
        try:
            status, answer = run(server.port, SIGN_UP, {"input": person}, connection=connection)
            tokens = answer["data"]["signup"]
            record.people.append(person["email"])
            record.times.append(time.monotonic())
            status, answer = run(server.port, REFRESH, {"token": tokens["refreshToken"]}, connection=connection)
            tokens = answer["data"]["refresh"]
            record.refreshed[person["email"]] = tokens
            if secrets.randbelow(2):
                del record.refreshed[person["email"]]  # until it is known whether the session ended
                status, answer = run(server.port, END, token=tokens["accessToken"], connection=connection)
                assert answer["data"]["logoutAll"]["endedSessionIds"]
                record.ended.append(tokens["accessToken"])
        except (OSError, http.client.HTTPException, KeyError, TypeError, AssertionError):
            record.refused += 1
            time.sleep(0.05)


def main(seconds="16", url=None):
    with Workshop() as workshop:
        is_ours = url is None
        if is_ours:
            primary = workshop.postgres()
            standby = workshop.standby(primary)
            sql(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'")
            sql(primary, "SELECT pg_reload_conf()")
            until("the standby is synchronous", lambda: sql(primary, "SELECT sync_state FROM pg_stat_replication") == "sync")
            url = f"postgres://gatehouse@127.0.0.1:{primary},127.0.0.1:{standby}/postgres?target_session_attrs=read-write"
        server = Gatehouse(workshop, url)
        record, stop = Record(), threading.Event()
        clients = [threading.Thread(target=client, args=(server, stop, record)) for _ in range(CLIENTS)]
        for thread in clients:
            thread.start()
        time.sleep(float(seconds) / 2)
        if is_ours:
            workshop.tell_postgres("crash")
            sql(standby, "SELECT pg_promote()")
        time.sleep(float(seconds) / 2)
        until("the server writes again", lambda: get(server.port, "/health/ready")[0] == 200)
        stop.set()
        for thread in clients:
            thread.join()

        lost = []
        for email in record.people:
            login = {"identifier": email, "password": PASSWORD}
            _, answer = run(server.port, SIGN_IN, {"input": login})
            if answer["data"]["login"]["__typename"] != "AuthPayload":
                lost.append(f"the account {email}")
        for email, tokens in record.refreshed.items():
            _, answer = run(server.port, REFRESH, {"token": tokens["refreshToken"]})
            if "accessToken" not in answer["data"]["refresh"]:
                lost.append(f"the session of {email}")
        for token in record.ended:
            if run(server.port, ME, token=token)[0] != 401:
                lost.append("the end of a session")
        pause = max(later - earlier for earlier, later in zip(record.times, record.times[1:]))
        counts = f"{len(record.people)} sign-ups, {len(record.refreshed)} refreshes and {len(record.ended)} sign-outs"
        print(f"{counts} were acknowledged; {len(lost)} of them are lost; {record.refused} requests failed")
        print(f"the longest time without a sign-up was {pause:.1f} s")
        for what in lost[:5]:
            print(f"  {what}")
        if lost or not record.ended:
            sys.exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
