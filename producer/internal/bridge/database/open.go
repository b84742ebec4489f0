package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/connstring"
)

const (
	// statementLimit is how long the server lets one of our statements run. The
	// longest, a fingerprint of 100,000 rows, takes under half a second.
	statementLimit = 10 * time.Second
	// lockLimit is how long a statement of ours waits for a lock of somebody else.
	lockLimit = time.Second
	// callLimit ends a call whose server says nothing any more.
	callLimit = 30 * time.Second
	// netAfter is how long we trust answers that nothing changed.
	netAfter = 5 * time.Minute
)

// Options says which database is read, and how.
type Options struct {
	Target connstring.Target
	Writes bool             // whether sponsorships may be written, too; the sessions refuse it otherwise
	Now    func() time.Time // nil is time.Now
}

// Database is the server's database. It uses one connection, one statement at a
// time, and opens it when it is needed. It is safe for concurrent use.
type Database struct {
	target  connstring.Target
	dialect dialect
	writes  bool
	now     func() time.Time
	pool    *sql.DB

	mu      sync.Mutex // guards what follows, and keeps statements one at a time
	session *sql.Conn  // nil before the first statement and after a failure
	known   *known     // nil before the first look at the catalog, and after an error that calls for another
	watch   watch
}

// Open prepares the use of a database and connects to nothing yet: a database
// that is away is an error of each call, not of Open. Its own error means that the
// target can't be used by anybody, such as a certificate file that is no certificate.
func Open(o Options) (*Database, error) {
	d, ok := dialectOf(o.Target.Engine)
	if !ok {
		return nil, fmt.Errorf("open %s: this program can't read %q", o.Target, o.Target.Engine)
	}
	connector, err := d.connect(o.Target, !o.Writes)
	if err != nil {
		return nil, fmt.Errorf("open %s: %s", o.Target, redact(o.Target, err))
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(1)
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Database{target: o.Target, dialect: d, writes: o.Writes, now: o.Now, pool: pool, watch: watch{seed: maphash.MakeSeed()}}, nil
}

// dialectOf returns an engine's dialect.
func dialectOf(engine connstring.Engine) (dialect, bool) {
	switch engine {
	case connstring.PostgreSQL:
		return postgreSQL(), true
	case connstring.MySQL:
		return mySQL(), true
	case connstring.SQLite:
		return sqLite(), true
	case connstring.SQLServer:
		return sqlServer(), true
	}
	return dialect{}, false
}

// DatesByJob reports whether the server's own job stores dates on this engine.
func (d *Database) DatesByJob() bool { return d.target.Engine == connstring.SQLServer }

// String names the database, without user and password.
func (d *Database) String() string { return d.target.String() }

// Close ends the connection.
func (d *Database) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hangUp()
	return d.pool.Close()
}

// use calls do with the session, alone. A session that turns out to be dead (the
// server was restarted, a firewall forgot it) is replaced once.
func (d *Database) use(ctx context.Context, doing string, do func(context.Context, *sql.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	old := d.session != nil
	start := d.now()
	err := d.try(ctx, do)
	if old && d.session == nil && ctx.Err() == nil && d.now().Sub(start) < lockLimit {
		err = d.try(ctx, do)
	}
	return d.explained(ctx, err, doing)
}

// try calls do once, on a new session where there is none, and gives up the
// session when it may be the reason of a failure.
func (d *Database) try(ctx context.Context, do func(context.Context, *sql.Conn) error) error {
	if d.session == nil {
		session, err := d.pool.Conn(ctx)
		if err != nil {
			return err
		}
		d.session, d.watch.answer = session, answer{}
	}
	err := do(ctx, d.session)
	if err != nil && d.mayBeDead(err) {
		d.hangUp()
	}
	return err
}

func (d *Database) mayBeDead(err error) bool {
	var known *problem
	return !errors.As(err, &known) && d.dialect.explain(err) == away
}

func (d *Database) hangUp() {
	if d.session != nil {
		_ = d.session.Close()
		d.session = nil
	}
}
