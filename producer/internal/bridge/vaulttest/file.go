package vaulttest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"time"
)

// serverPatience is how long the server waits for a lock.
const serverPatience = 30 * time.Second

// OpenFile is the vault of SQLite in a file, for a program that is no test; it is made where there
// is none. The caller closes its DB.
func OpenFile(ctx context.Context, file string) (*Vault, error) {
	_, err := os.Stat(file)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return nil, err
	}
	v := &Vault{Engine: SQLite, d: SQLite.dialect(), schema: schemas()[SQLite], now: time.Now, File: file, trace: func(string) {}}
	v.manners = entityFramework{v}
	v.ids = &combs{random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())), now: v.now}
	if v.DB, err = sql.Open(v.d.driver, v.sqliteName(serverPatience)); err != nil || !missing {
		return v, err
	}
	return v, v.create(ctx)
}

// sqliteName opens the file as the server does: in WAL mode, keys enforced, the write lock
// taken at BEGIN.
func (v *Vault) sqliteName(patience time.Duration) string {
	return fmt.Sprintf("file:%s?_pragma=busy_timeout(%d)&_pragma=journal_mode(wal)&_pragma=foreign_keys(1)&_pragma=synchronous(off)&_txlock=immediate",
		v.File, patience.Milliseconds())
}

func (v *Vault) create(ctx context.Context) error {
	for _, statement := range v.schema.statements(v.d) {
		if _, err := v.DB.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("make the vault's tables: %w\n%s", err, statement)
		}
	}
	return nil
}
