#!/usr/bin/env bash
# Whether the bridge works with a real SQL Server, which our tests never met. Run it
# against a copy: restore a backup of the server's database under another name. It reads, tries
# the bridge's writes in transactions that it takes back, and says at the end whether the copy is
# as it was.
#
#   SQLCMDSERVER=tcp:localhost,1433 SQLCMDUSER=sa SQLCMDPASSWORD=... SQLCMDDBNAME=vault_copy \
#   SPONSORSYNC_BRIDGE_DATABASE='sqlserver://sponsorsync:...@localhost:1433?database=vault_copy' \
#   bash scripts/sqlserver-acceptance.sh [--env-file FILE]...
#
# It needs Microsoft's sqlcmd, whose options -C and such can be put into SQLCMDOPTIONS; jq; and a
# Redis that holds no ledger in use (REDIS_URL), for what the dry run compares with.
# What stands behind its name goes to the producer: bin/producer, made by `make build`.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n%s\n' "$*"; }
fail() { echo "sqlserver-acceptance: $*" >&2; exit 1; }
for name in SQLCMDSERVER SQLCMDDBNAME SPONSORSYNC_BRIDGE_DATABASE; do
	[ -n "${!name:-}" ] || fail "$name is not set; the head of this script says what is needed"
done
for program in sqlcmd jq; do
	command -v "$program" >/dev/null || fail "$program is not installed"
done
[ -x bin/producer ] || fail "bin/producer is missing; run 'make build'"
read -ra options <<<"${SQLCMDOPTIONS:-}"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Errors end sqlcmd with a status; $(...) in a statement is no variable.
ask() { sqlcmd -b -x -I "${options[@]}" "$@"; }
# one prints what a statement gives, as one line.
one() { ask -h -1 -W -Q "SET NOCOUNT ON; $1"; }

say "1. The server"
one "SELECT @@VERSION"
one "SELECT CONCAT(name, ', ', collation_name, ', level ', compatibility_level, ', read committed snapshot ', is_read_committed_snapshot_on) FROM sys.databases WHERE name = DB_NAME()"

say "2. Its parser takes every statement of ours"
{
	printf 'SET PARSEONLY ON;\nGO\n'
	cat producer/internal/bridge/database/sqlserver.sql
} >"$dir/parse.sql"
ask -i "$dir/parse.sql" || fail "a statement is not taken: report the message above, with the version"
echo "taken"

# The three tables as they are, by a checksum of every column that there is.
content() {
	for table in OrganizationSponsorship OrganizationConnection Organization; do
		one "SELECT CONCAT(N'$table ', COUNT_BIG(*), N' ', CHECKSUM_AGG(BINARY_CHECKSUM(*))) FROM [dbo].[$table]"
	done
}
before=$(content)

say "3. The bridge reads it and says what it would do"
status=0
bin/producer bridge --dry-run --json "$@" >"$dir/run.json" || status=$?
jq -e '.organizations' "$dir/run.json" || fail "the dry run said nothing (status $status)"

say "4. It found every organization that has a sponsorship or a connection"
wanted=$(one "SELECT LOWER(CONVERT(char(36), [SponsoringOrganizationId])) FROM [dbo].[OrganizationSponsorship] WHERE [SponsoringOrganizationId] IS NOT NULL
	UNION SELECT LOWER(CONVERT(char(36), [OrganizationId])) FROM [dbo].[OrganizationConnection] WHERE [Type] = 1" | tr -d ' \r' | sort)
got=$(jq -r '.organizations[].organizationId' "$dir/run.json" | sort)
diff <(echo "$wanted") <(echo "$got") || fail "the bridge found others (>) than the database has (<)"
echo "$got" | grep -c . || true

say "5. A write meets its row while that is as it was read, and not otherwise"
# attempt VERB MARK FIRST CHANGE prints how many rows the bridge's own statement meets, with its parameters
# from number FIRST on as one row has them, after that row was changed. Nothing of it stays.
attempt() {
	local verb=$1 mark=$2 p=$3 change=$4 declared statement table='[dbo].[OrganizationSponsorship]'
	{ read -r declared; read -r statement; } < <(grep -B1 "^$verb " producer/internal/bridge/database/sqlserver.sql | sed '1s/nvarchar([0-9]*)/nvarchar(4000)/g')
	one "SET XACT_ABORT ON; BEGIN TRANSACTION;
		DECLARE @row uniqueidentifier = (SELECT TOP (1) [Id] FROM $table WHERE [SponsoringOrganizationId] IS NOT NULL AND [IsAdminInitiated] = 0 ORDER BY [Id]);
		UPDATE $table SET [ToDelete] = $mark WHERE [Id] = @row;
		$declared
		SELECT @p$p = CONVERT(char(36), [Id]), @p$((p + 1)) = CONVERT(char(36), [SponsoringOrganizationId]), @p$((p + 2)) = CONVERT(char(36), [SponsoringOrganizationUserID]),
			@p$((p + 3)) = COALESCE([OfferedToEmail], N''), @p$((p + 4)) = COALESCE([FriendlyName], N''),
			@p$((p + 5)) = COALESCE(CONVERT(varchar(27), [LastSyncDate], 121), ''), @p$((p + 6)) = COALESCE(CONVERT(varchar(27), [ValidUntil], 121), '') FROM $table WHERE [Id] = @row;
		${change:+UPDATE $table SET $change WHERE [Id] = @row;}
		$statement;
		SELECT @@ROWCOUNT; ROLLBACK TRANSACTION;" | tr -d ' \r'
}
if [ "$(one "SELECT COUNT_BIG(*) FROM [dbo].[OrganizationSponsorship] WHERE [SponsoringOrganizationId] IS NOT NULL AND [IsAdminInitiated] = 0" | tr -d ' \r')" = 0 ]; then
	fail "the copy has no offer of a member to try it with: make one in the web vault first"
fi
for write in 'UPDATE 0 3' 'DELETE 1 1'; do
	read -r verb mark first <<<"$write"
	met=$(attempt "$verb" "$mark" "$first" "")
	[ "$met" = 1 ] || fail "$verb met $met rows where it should have met one"
	for change in "[OfferedToEmail] = CASE WHEN [OfferedToEmail] = LOWER([OfferedToEmail]) COLLATE Latin1_General_BIN2 THEN UPPER([OfferedToEmail]) ELSE LOWER([OfferedToEmail]) END" \
		"[OfferedToEmail] = [OfferedToEmail] + N' '" "[FriendlyName] = CONCAT([FriendlyName], N' ')" \
		"[ToDelete] = 1 - [ToDelete]" "[ValidUntil] = DATEADD(nanosecond, 100, COALESCE([ValidUntil], SYSUTCDATETIME()))" "[SponsoringOrganizationId] = NULL"; do
		met=$(attempt "$verb" "$mark" "$first" "$change")
		[ "$met" = 0 ] || fail "$verb met $met rows although somebody had set $change"
	done
done
echo "so it is"

say "6. Nothing was written"
diff <(echo "$before") <(content) || fail "the copy is not as it was before: is somebody else using it?"
echo "the same"

[ "$status" = 0 ] || say "Something is odd or held, as it is said above: that is for you to read, and no fault of the bridge."
say "sqlserver-acceptance: passed"
