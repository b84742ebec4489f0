#!/usr/bin/env bash
# Runs a PostgreSQL and a MariaDB server for tests until standard input ends, so they
# go when whoever started this goes, however it ends. Everything lives in DIR, an
# empty directory, which is removed at the end.
#
#   scripts/databases.sh DIR
#
# DIR/postgresql.port and DIR/mariadb.port appear when that server takes connections
# (127.0.0.1, and the sockets DIR/.s.PGSQL.PORT and DIR/mariadb.sock; user "vault",
# password "vault-password", may do everything). DIR/failed appears when one can't be started.
set -euo pipefail
dir=${1:?the directory to run in}
# Debian keeps PostgreSQL's programs out of the path, and /usr/sbin is in few people's.
PATH="$PATH:/usr/sbin:$(printf '%s\n' /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql*/bin | sort -V | tail -1)"

# Both servers refuse to run as root, so there they run as somebody without rights.
as=(env)
if [ "$(id -u)" = 0 ]; then
	user=$(id -u postgres 2>/dev/null || id -u nobody)
	chown "$user" "$dir"
	as=(setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups --)
fi
cd "$dir"
export TMPDIR="$dir" HOME="$dir" # the caller's own may be closed to them

stop() {
	local status=$?
	[ "$status" = 0 ] || { rm -f ./*.port; touch failed; }
	if [ -n "${mariadb:-}" ]; then
		kill -KILL "$mariadb" 2>/dev/null || true
		wait "$mariadb" 2>/dev/null || true
	fi
	[ -z "${postgresql:-}" ] || wait "$postgresql" || true
	"${as[@]}" pg_ctl -D postgresql -m immediate -s stop >/dev/null 2>&1 || true
	# Who waits for a server reads the log first.
	[ "$status" = 0 ] && rm -rf "$dir"
}
trap stop EXIT
trap 'exit 0' INT TERM

# A port below those that the system hands out, so that only another of these takes it.
port() { echo $((20000 + RANDOM % 12000)); }

# Both run in another time zone than UTC, and MariaDB with another character set than
# the vault's: a program may not rest on what a server is set to.
start_postgresql() {
	"${as[@]}" initdb -D postgresql --no-sync -U vault --pwfile=password --auth-local=trust --auth-host=scram-sha-256 \
		--locale=C -E UTF8 >>postgresql.log 2>&1
	local port options="-c listen_addresses=127.0.0.1 -c unix_socket_directories='$dir' -c max_connections=200 -c timezone=America/New_York"
	options+=" -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
	for _ in 1 2 3 4 5; do
		port=$(port)
		if "${as[@]}" pg_ctl -D postgresql -w -s -l postgresql-server.log -o "$options -p $port" start >>pg_ctl.log 2>&1; then
			announce postgresql "$port"
			return
		fi
	done
	return 1
}

start_mariadb() {
	"${as[@]}" mariadb-install-db --no-defaults --datadir="$dir/mariadb" --auth-root-authentication-method=normal \
		--skip-test-db --innodb-log-file-size=16M >>mariadb-install.log 2>&1
	for _ in 1 2 3 4 5; do
		port=$(port)
		: >mariadb.log
		"${as[@]}" mariadbd --no-defaults --datadir="$dir/mariadb" --socket="$dir/mariadb.sock" --pid-file="$dir/mariadb.pid" \
			--bind-address=127.0.0.1 --port="$port" --skip-name-resolve --init-file="$dir/users.sql" --default-time-zone=-05:00 \
			--character-set-server=latin1 --max-connections=200 --innodb-log-file-size=16M --innodb-flush-log-at-trx-commit=0 \
			--innodb-doublewrite=0 --innodb-buffer-pool-size=128M >>mariadb.log 2>&1 &
		mariadb=$!
		while kill -0 "$mariadb" 2>/dev/null; do
			if grep -q "ready for connections" mariadb.log; then
				announce mariadb "$port"
				return
			fi
			sleep 0.05
		done
	done
	return 1
}

announce() { # server, port
	echo "$2" >"$1.port.new"
	mv "$1.port.new" "$1.port" # at once: somebody may be reading
}

echo vault-password >password
cat >users.sql <<'SQL'
CREATE USER vault@'%' IDENTIFIED BY 'vault-password';
GRANT ALL ON *.* TO vault@'%' WITH GRANT OPTION;
SQL
chmod 644 password users.sql
start_postgresql &
postgresql=$!
start_mariadb
wait "$postgresql"
cat >/dev/null # until whoever started this is gone
