#!/usr/bin/env bash
# Run a command with a PostgreSQL server of its own: a scratch cluster on the loopback, gone afterwards.
# The command finds its address in CVALUES_TEST_POSTGRES. Usage: scripts/with_postgres.sh COMMAND...
set -euo pipefail

tools=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1 || true)
if [ -z "$tools" ]; then
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || {
    echo "PostgreSQL is not installed: apt-get install postgresql" >&2
    exit 2
  }
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null
  tools=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
fi

scratch=$(mktemp -d)
# initdb refuses to run as root, so the server belongs to the account that Debian's package makes.
as=()
if [ "$(id -u)" = 0 ]; then
  chown postgres "$scratch"
  as=(runuser -u postgres --)
fi
trap '"${as[@]}" "$tools/pg_ctl" -D "$scratch/db" -m immediate -s stop || true; rm -rf "$scratch"' EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"${as[@]}" "$tools/initdb" -D "$scratch/db" -U cvalues -A trust -E UTF8 --no-locale >/dev/null
"${as[@]}" "$tools/pg_ctl" -D "$scratch/db" -s -w -l "$scratch/log" \
  -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$scratch -c max_connections=200" start
for name in cvalues store; do
  "${as[@]}" "$tools/createdb" -h 127.0.0.1 -p "$port" -U cvalues "$name"
done

export CVALUES_TEST_POSTGRES="postgresql+psycopg://cvalues@127.0.0.1:$port/cvalues"
export CVALUES_TEST_STORE="postgresql+psycopg://cvalues@127.0.0.1:$port/store"
export CVALUES_TEST_POSTGRES_DATA="$scratch/db"
"$@"
