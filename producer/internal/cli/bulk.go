package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sponsorsync/sponsorsync/internal/printable"
	"github.com/sponsorsync/sponsorsync/jobs"
	"github.com/sponsorsync/sponsorsync/jobs/enqueue"
	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// enqueueRows enqueues all, then waits for all if that is wanted.
func (a *app) enqueueRows(ctx context.Context, s *session, rows []row, p patience) error {
	w, err := a.newWaiter(ctx, s, organizationsOf(rows)...)
	if err != nil {
		return err
	}
	b := bulk{app: a, session: s, waiter: w, rows: rows, ids: make([]string, 0, len(rows)), patience: p, open: map[int]jobLine{}}
	if err := b.enqueue(ctx); err != nil || !p.wait {
		return err
	}
	ctx, cancel := p.limit(ctx)
	defer cancel()
	return errors.Join(b.wait(ctx), b.printOpen())
}

// bulk is many jobs of a file at once.
type bulk struct {
	app     *app
	session *session
	waiter  *waiter
	rows    []row
	ids     []string // of the rows' jobs, as far as they are enqueued
	tally   tally

	patience
	open map[int]jobLine // by its line in the file, what --json has not printed yet
}

// mostScrolled is how many ids a terminal is shown; more push away what was said.
const mostScrolled = 20

// printID prints the job of a row, unless its end is to be printed with it.
func (b *bulk) printID(r row, id string) error {
	switch {
	case b.asJSON:
		line := lineOf(r.args, id)
		line.Line = r.line
		if b.open[r.line] = line; !b.patience.wait {
			return b.printEnd(r.line, line)
		}
	case len(b.rows) <= mostScrolled || !b.app.terminal(b.app.Stdout):
		_, _ = fmt.Fprintln(b.app.out, id)
	}
	return nil
}

// printEnd prints a row with --json, once.
func (b *bulk) printEnd(number int, line jobLine) error {
	if _, open := b.open[number]; !b.asJSON || !open {
		return nil
	}
	delete(b.open, number)
	return b.app.printJSON(line)
}

// printOpen prints the rows whose end was not seen.
func (b *bulk) printOpen() error {
	for _, number := range slices.Sorted(maps.Keys(b.open)) {
		if err := b.printEnd(number, b.open[number]); err != nil {
			return err
		}
	}
	return nil
}

// take notes the end of a row.
func (b *bulk) take(t target, v outcome) {
	b.app.bar.add(1)
	b.tally.take(t, v)
	_ = b.printEnd(t.line, b.open[t.line].ended(v)) // the writer keeps its error
}

// enqueue puts the rows in, batch by batch, and prints the jobs' ids.
func (b *bulk) enqueue(ctx context.Context) error {
	b.app.bar.start(b.app.Stderr, "enqueueing", len(b.rows))
	defer b.app.bar.finish()
	for batch := range slices.Chunk(b.rows, enqueue.MaxBatch) {
		if err := b.enqueueBatch(ctx, batch); err != nil {
			return &withHint{
				fmt.Errorf("stopped at line %d, with %d of %d rows enqueued: %w", batch[0].line, len(b.ids), len(b.rows), err),
				"run the same command again: rows that are in already are left as they are",
			}
		}
		b.app.bar.add(len(batch))
	}
	b.app.note("rows enqueued: %d", len(b.rows))
	return nil
}

func (b *bulk) enqueueBatch(ctx context.Context, batch []row) error {
	all := make([]jobs.Args, len(batch))
	for i, r := range batch {
		all[i] = r.args
	}
	receipts, err := b.session.client.EnqueueAll(ctx, all)
	if err != nil {
		return err
	}
	for i, r := range receipts {
		b.ids = append(b.ids, r.ID)
		if err := b.printID(batch[i], r.ID); err != nil {
			return err
		}
	}
	return b.app.flush()
}

// wait returns when every row has its end, good or bad.
func (b *bulk) wait(ctx context.Context) error {
	b.app.bar.start(b.app.Stderr, "waiting", len(b.rows))
	defer b.app.bar.finish()
	targets, err := b.waitJobs(ctx)
	if err != nil {
		return err
	}
	err = b.waiter.settle(ctx, targets, b.take)
	if err != nil {
		return err
	}
	b.app.note("%s", b.tally.summary())
	return b.tally.err(len(b.rows))
}

// waitJobs returns the sponsorships of the jobs that are done.
func (b *bulk) waitJobs(ctx context.Context) ([]target, error) {
	targets := make([]target, 0, len(b.rows))
	for i, r := range b.rows {
		t := r.target()
		t.job = b.ids[i]
		err := b.waiter.job(ctx, enqueued{org: t.org, id: b.ids[i]})
		switch {
		case ctx.Err() != nil:
			return nil, err
		case err != nil:
			b.take(t, failure(err))
		default:
			targets = append(targets, t)
		}
	}
	return targets, nil
}

// tally counts the ends of rows, and keeps the bad ones.
type tally struct {
	ends   map[string]int
	failed []rowError
}

func (y *tally) take(t target, v outcome) {
	if y.ends == nil {
		y.ends = map[string]int{}
	}
	if v.state == failed {
		y.ends["failed"]++
		y.failed = append(y.failed, rowError{t.line, v.err})
		return
	}
	y.ends[v.text]++
}

// summary is one line an end, the most frequent first.
func (y *tally) summary() string {
	type end struct {
		text  string
		count int
	}
	var ends []end
	for text, count := range y.ends {
		ends = append(ends, end{text, count})
	}
	slices.SortFunc(ends, func(a, b end) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.text, b.text))
	})
	lines := make([]string, len(ends))
	for i, e := range ends {
		lines[i] = fmt.Sprintf("%7d %s", e.count, e.text)
	}
	return strings.Join(lines, "\n")
}

func (y *tally) err(total int) error {
	if len(y.failed) == 0 {
		return nil
	}
	slices.SortFunc(y.failed, func(a, b rowError) int { return cmp.Compare(a.line, b.line) })
	return &rowErrors{total: total, rows: y.failed}
}

// rowError is why a row failed, with the code if there is one. It never holds
// the address.
type rowError struct {
	line int
	err  error
}

// rowErrors are the rows of a file that failed for good.
type rowErrors struct {
	total int
	rows  []rowError
}

func (e *rowErrors) Error() string {
	return fmt.Sprintf("%d of %d rows failed", len(e.rows), e.total)
}

func (e *rowErrors) faults() []string {
	faults := []string{e.Error()}
	for _, r := range e.rows {
		text := printable.Line(r.err.Error())
		if f, ok := errors.AsType[*fault.Error](r.err); ok {
			text = faultText(f)
		}
		faults = append(faults, fmt.Sprintf("line %d: %s", r.line, text))
	}
	return faults
}

func (e *rowErrors) hints() []string {
	codes := make([]fault.Code, len(e.rows))
	for i, r := range e.rows {
		codes[i] = fault.CodeOf(r.err)
	}
	return codeHints(codes)
}

// organizationsOf returns each organization of the rows once.
func organizationsOf(rows []row) []sponsorship.ID {
	seen := map[sponsorship.ID]bool{}
	var all []sponsorship.ID
	for _, r := range rows {
		if org := r.args.Organization(); !seen[org] {
			seen[org] = true
			all = append(all, org)
		}
	}
	return all
}
