#!/bin/sh
# Runs a throwaway PostgreSQL on a port of 127.0.0.1 for as long as standard input stays open. Its flushes to disk take
# longer by a number of microseconds, as those of a cloud disk do. Usage: cluster.sh PORT MICROSECONDS
set -eu
port=$1
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
dir=$(mktemp -d)
as=
if [ "$(id -u)" = 0 ]; then # the server refuses to run as root
  chown postgres "$dir"
  as="setpriv --reuid=postgres --regid=postgres --clear-groups"
fi
cc -O2 -shared -fPIC -o "$dir/slow_disk.so" "$(dirname "$0")/slow_disk.c" -ldl >&2
chmod 755 "$dir/slow_disk.so"
cd "$dir"
$as "$bin/initdb" -D "$dir/data" -U gatehouse -A trust -N -E UTF8 --locale=C >"$dir/log"
$as env LD_PRELOAD="$dir/slow_disk.so" FLUSH_MICROSECONDS="$2" "$bin/postgres" -D "$dir/data" -h 127.0.0.1 -p "$port" -k "$dir" \
  -c wal_sync_method=fdatasync -c max_connections=400 -c shared_buffers=256MB -c max_wal_size=8GB -c log_min_messages=fatal \
  </dev/null >"$dir/log" 2>&1 &
server=$!
trap 'kill -INT "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
until "$bin/pg_isready" -q -h 127.0.0.1 -p "$port"; do
  kill -0 "$server" || { cat "$dir/log" >&2; exit 1; }
  sleep 0.1
done
echo ready
read -r _ || true
