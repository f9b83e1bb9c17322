#!/bin/sh
# Runs a throwaway PostgreSQL on a port of 127.0.0.1 for as long as standard input stays open, so that it never outlives
# the tests, however they end. Usage: postgres.sh PORT
#
# A line of standard input makes it fail or recover: `crash` and `start`, `pause` and `resume`. The reply is `done`.
set -eu
port=$1
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(dirname "$(command -v initdb || echo /none/initdb)")
if [ ! -x "$bin/initdb" ]; then
  echo "PostgreSQL's server programs are not installed (on Debian: apt-get install postgresql)" >&2
  exit 1
fi
dir=$(mktemp -d)
as=
if [ "$(id -u)" = 0 ]; then # the server refuses to run as root
  chown postgres "$dir"
  as="setpriv --reuid=postgres --regid=postgres --clear-groups"
fi
cd "$dir"
$as "$bin/initdb" -D "$dir/data" -U gatehouse -A trust -N -E UTF8 --locale=C >"$dir/log" 2>&1 || { cat "$dir/log" >&2; exit 1; }
start() {
  $as "$bin/postgres" -D "$dir/data" -h 127.0.0.1 -p "$port" -k "$dir" \
    -c fsync=off -c max_connections=400 -c shared_buffers=64MB -c log_min_messages=fatal </dev/null >>"$dir/log" 2>&1 &
  server=$!
  tries=0
  until "$bin/pg_isready" -q -h 127.0.0.1 -p "$port"; do
    tries=$((tries + 1))
    if [ "$tries" -gt 300 ] || ! kill -0 "$server" 2>/dev/null; then
      cat "$dir/log" >&2
      exit 1
    fi
    sleep 0.1
  done
}
# the server, which starts no more children once it is stopped, and then its children
signal() {
  kill "$1" "$server" 2>/dev/null || true
  kill "$1" $(cat /proc/[0-9]*/stat 2>/dev/null | awk -v parent="$server" '$4 == parent { print $1 }') 2>/dev/null || true
}
trap 'signal -CONT; kill -INT "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
start
echo ready
while read -r command; do
  case $command in
    crash) kill -QUIT "$server" && wait "$server" || true ;;
    start) start ;;
    pause) signal -STOP ;;
    resume) signal -CONT ;;
  esac
  echo done
done
