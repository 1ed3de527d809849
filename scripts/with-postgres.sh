#!/usr/bin/env bash
# Runs a command with a private PostgreSQL: scripts/with-postgres.sh cargo test …
# The server lives in a temporary folder, listens on loopback only, and is always stopped and removed.
# The command finds its address in MIANBAN_TEST_POSTGRES.
set -euo pipefail

if [ "$#" -eq 0 ]; then
  echo "usage: $0 COMMAND [ARGUMENT…]" >&2
  exit 2
fi

bin=$(dirname "$(command -v initdb || true)")
if [ ! -x "$bin/initdb" ] || [ ! -x "$bin/pg_ctl" ]; then
  bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)
fi
if [ ! -x "${bin:-}/initdb" ]; then
  echo "PostgreSQL is missing: run scripts/install-test-deps.sh first" >&2
  exit 1
fi

# PostgreSQL refuses to run as root: then it runs as the user postgres.
as_owner=()
if [ "$(id -u)" -eq 0 ]; then
  id postgres >/dev/null 2>&1 || { echo "the user postgres is missing: run scripts/install-test-deps.sh first" >&2; exit 1; }
  as_owner=(setpriv --reuid=postgres --regid=postgres --init-groups --reset-env)
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/mianban-postgres.XXXXXX")
chmod 700 "$folder"
[ "${#as_owner[@]}" -gt 0 ] && chown postgres: "$folder"

command_pid=
cleanup() {
  trap - EXIT INT TERM HUP
  if [ -n "$command_pid" ]; then kill -TERM "$command_pid" 2>/dev/null || true; fi
  (cd "$folder" && "${as_owner[@]}" "$bin/pg_ctl" -D "$folder/data" -m immediate -w -t 30 stop >/dev/null 2>&1) || true
  rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

cd_folder() { (cd "$folder" && "$@"); }

cd_folder "${as_owner[@]}" "$bin/initdb" -D "$folder/data" -U mianban --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$folder/initdb.log" 2>&1 \
  || { cat "$folder/initdb.log" >&2; exit 1; }

cat >>"$folder/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$folder'
max_connections = 200
shared_buffers = 128MB
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = on
log_min_messages = fatal
CONF

# Another process may take a free port between looking and listening: try a few.
started=
for _ in 1 2 3 4 5; do
  port=$((20000 + (RANDOM * 32768 + RANDOM) % 30000))
  if cd_folder "${as_owner[@]}" "$bin/pg_ctl" -D "$folder/data" -o "-p $port" -l "$folder/server.log" -w -t 60 start >/dev/null 2>&1; then
    started=yes
    break
  fi
done
[ -n "$started" ] || { echo "PostgreSQL did not start:" >&2; cat "$folder/server.log" >&2; exit 1; }

export MIANBAN_TEST_POSTGRES="postgres://mianban@127.0.0.1:$port/postgres"

# In the background, so that a signal to this script reaches the trap at once.
"$@" <&0 &
command_pid=$!
status=0
wait "$command_pid" || status=$?
command_pid=
exit "$status"
