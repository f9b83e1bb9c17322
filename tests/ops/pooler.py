#!/usr/bin/env python3
"""Starts Gatehouse behind PgBouncer without hidden options. In session mode, everything works, including events,
whether LISTEN goes through PgBouncer or around it. The log names a pooler that swallows LISTEN.
"""

import os

from drill import ME, Gatehouse, Workshop, free_port, get, require, run, sign_up, until


def pooler(workshop, database, mode):
    port = free_port()
    (workshop.folder / f"{mode}.ini").write_text(
        f"""
[databases]
postgres = host=127.0.0.1 port={database} user=gatehouse
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = 20
"""
    )
    (workshop.folder / f"{mode}.ini").chmod(0o644)
    # PgBouncer refuses to run as root
    as_nobody = ["setpriv", "--reuid=nobody", "--clear-groups"] if os.getuid() == 0 else []
    workshop.run(*as_nobody, require("pgbouncer"), f"{workshop.folder}/{mode}.ini", log=f"{mode}.log")
    return f"postgres://gatehouse@127.0.0.1:{port}/postgres"


def main():
    with Workshop() as workshop:
        database = workshop.postgres()
        direct = f"postgres://gatehouse@127.0.0.1:{database}/postgres"
        session = pooler(workshop, database, "session")
        servers = [Gatehouse(workshop, session, log=f"session{n}.log", VIEWER_CACHE_STALENESS="30s") for n in range(2)]
        tokens = sign_up(servers[0].port)
        for server in servers:
            status, answer = run(server.port, ME, token=tokens["accessToken"])
            assert status == 200 and answer["data"]["me"], answer
        run(servers[0].port, "mutation { logoutAll { endedSessionIds } }", token=tokens["accessToken"])
        until("the other server hears of it", lambda: run(servers[1].port, ME, token=tokens["accessToken"])[0] == 401)
        assert get(servers[0].port, "/health/ready")[0] == 200
        swallowed = "does not receive its own notices"
        assert swallowed not in workshop.text("session0.log"), workshop.text("session0.log")

        listening = Gatehouse(workshop, session, log="listening.log", DATABASE_LISTEN_URL=direct)
        tokens = sign_up(listening.port)
        run(servers[0].port, "mutation { logoutAll { endedSessionIds } }", token=tokens["accessToken"])
        until("the server hears of it", lambda: run(listening.port, ME, token=tokens["accessToken"])[0] == 401)

        deaf = Gatehouse(workshop, direct, log="deaf.log", DATABASE_LISTEN_URL=pooler(workshop, database, "transaction"))
        until("the log names the pooler", lambda: swallowed in workshop.text("deaf.log"))
        tokens = sign_up(deaf.port)
        run(servers[0].port, "mutation { logoutAll { endedSessionIds } }", token=tokens["accessToken"])
        assert run(deaf.port, ME, token=tokens["accessToken"])[0] == 401, "sessions must not be kept in memory"

    print("PgBouncer in session mode: events arrive, both through it and through DATABASE_LISTEN_URL")
    print("in transaction mode: the log says that no notices arrive")


if __name__ == "__main__":
    main()
