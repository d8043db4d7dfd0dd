#!/bin/sh
# A throwaway Postgres cluster for tests.
#   .ci/postgres.sh start DIR    starts the cluster in DIR, made first when DIR is empty, and prints its URL
#   .ci/postgres.sh stop DIR     stops it as a crash would; `start` brings it back on the same port
#   .ci/postgres.sh remove DIR   stops it and deletes DIR
# Installs Debian's Postgres when there is none and this is root. Postgres refuses to run as root, so root runs it as `postgres`.
set -eu

find_bin() {
  if command -v initdb >/dev/null && command -v pg_ctl >/dev/null; then
    dirname "$(readlink -f "$(command -v pg_ctl)")"
  else
    ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1
  fi
}

as_postgres() {
  if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

make_cluster() {
  mkdir -p "$dir"
  if [ "$(id -u)" = 0 ]; then chown postgres "$dir"; fi
  cd "$dir"
  as_postgres "$bin/initdb" -D "$dir/data" -U weir --auth=trust --no-sync --encoding=UTF8 --locale=C.UTF-8 >&2
}

start_on() {
  as_postgres "$bin/pg_ctl" -D "$dir/data" -l "$dir/data/server.log" -w -t 30 \
    -o "-p $1 -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c max_connections=60 -c shared_buffers=32MB" \
    start >/dev/null 2>&1
}

case ${1:-} in
  start)
    dir=$2
    bin=$(find_bin)
    if [ -z "$bin" ]; then
      { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql; } >&2
      bin=$(find_bin)
    fi
    [ -d "$dir/data" ] || make_cluster
    if [ -f "$dir/port" ]; then ports=$(cat "$dir/port"); else ports="$(shuf -i 20000-39999 -n 5)"; fi
    # A port may be taken: try a few.
    for port in $ports; do
      if start_on "$port"; then
        echo "$port" >"$dir/port"
        echo "postgres://weir@127.0.0.1:$port/postgres"
        exit 0
      fi
    done
    cat "$dir/data/server.log" >&2
    exit 1
    ;;
  stop)
    as_postgres "$(find_bin)/pg_ctl" -D "$2/data" -m immediate stop >/dev/null
    ;;
  remove)
    "$0" stop "$2" || true
    rm -rf "$2"
    ;;
  *)
    echo "usage: $0 start|stop|remove DIR" >&2
    exit 2
    ;;
esac
