package cli

import (
	"fmt"
	"strings"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
)

// writeWords is one write to the vault for people.
func writeWords(w merge.Write) string {
	if w.Delete {
		return fmt.Sprintf("delete row %s, of member %s: its sponsorship is over", w.Was.ID, w.User)
	}
	return fmt.Sprintf("write %s of row %s, of member %s", strings.Join(w.Columns(), ", "), w.Was.ID, w.User)
}

// printBackup says what to do before the first write to somebody else's database.
func (a *app) printBackup(of connstring.Target) error {
	_, _ = fmt.Fprintf(a.talk(), "\nThis is the first time that sponsorsync writes to the server's database for this organization.\n"+
		"Bitwarden does not support that other programs write there. Back the database up first, as its administrator:\n  %s\n", backupCommand(of))
	return a.flush()
}

// backupCommand makes a copy of the server's database while the server runs. For SQLite that
// is not VACUUM INTO: its copy would not be in WAL mode, and the server never switches it back.
func backupCommand(of connstring.Target) string {
	port := func(form string) string {
		if of.Port == 0 { // the engine's own
			return ""
		}
		return fmt.Sprintf(form, of.Port)
	}
	switch of.Engine {
	case connstring.SQLite:
		return fmt.Sprintf(`sqlite3 %q ".backup '%s.before-sponsorsync'"`, of.File, of.File)
	case connstring.PostgreSQL:
		return fmt.Sprintf("pg_dump --host=%s%s --format=custom --file=before-sponsorsync.dump %s", of.Host, port(" --port=%d"), of.Database)
	case connstring.MySQL:
		return fmt.Sprintf("mysqldump --host=%s%s --single-transaction %s > before-sponsorsync.sql", of.Host, port(" --port=%d"), of.Database)
	}
	return fmt.Sprintf(`sqlcmd -S %s%s -Q "BACKUP DATABASE [%s] TO DISK = N'before-sponsorsync.bak' WITH COPY_ONLY, CHECKSUM"`,
		of.Host, port(",%d"), of.Database)
}
