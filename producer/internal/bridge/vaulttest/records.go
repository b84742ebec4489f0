package vaulttest

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Record is a row as it is stored: nil, text, whole numbers (int64) and, on
// PostgreSQL, booleans, by column. Dates and ids are text in the engine's own form.
type Record map[string]any

// runner is a connection or a transaction.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Records reads a table as it is stored, in no order.
func (v *Vault) Records(ctx context.Context, table string) ([]Record, error) {
	return v.find(ctx, v.DB, table, nil)
}

// find reads the rows whose columns equal those of where; a nil column is not
// looked at.
func (v *Vault) find(ctx context.Context, r runner, table string, where Record) ([]Record, error) {
	columns := v.schema.Tables[table].Columns
	reads := make([]string, len(columns))
	for i, c := range columns {
		reads[i] = v.d.read(v.d.quote(c.Name))
	}
	condition, args := v.condition(where, 1)
	rows, err := r.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM %s%s", strings.Join(reads, ", "), v.d.quote(table), condition), args...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", table, err)
	}
	defer func() { _ = rows.Close() }()
	var found []Record
	for rows.Next() {
		values, targets := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, fmt.Errorf("read %s: %w", table, err)
		}
		record := Record{}
		for i, c := range columns {
			record[c.Name] = c.stored(values[i])
		}
		found = append(found, record)
	}
	return found, rows.Err()
}

// one reads the row with an id, which must be there.
func (v *Vault) one(ctx context.Context, table, id string) (Record, error) {
	rows, err := v.find(ctx, v.DB, table, Record{"Id": v.id(id)})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("read %s: no row %s", table, id)
	}
	return rows[0], nil
}

// stored puts what the driver gave into the form of a Record.
func (c column) stored(value any) any {
	if bytes, ok := value.([]byte); ok {
		value = string(bytes)
	}
	text, ok := value.(string)
	if !ok {
		return value
	}
	switch {
	case c.Type == "boolean":
		return text == "true"
	case strings.Contains(strings.ToLower(c.Type), "int"):
		if number, err := strconv.ParseInt(text, 10, 64); err == nil {
			return number
		}
	}
	return text
}

// condition returns a WHERE whose parameters begin with number first.
func (v *Vault) condition(where Record, first int) (string, []any) {
	if len(where) == 0 {
		return "", nil
	}
	var parts []string
	var args []any
	for _, name := range slices.Sorted(maps.Keys(where)) {
		parts = append(parts, v.d.quote(name)+" = "+v.d.param(first+len(args)))
		args = append(args, where[name])
	}
	return " WHERE " + strings.Join(parts, " AND "), args
}

// filled adds a value for each column that must have one and has no default.
func (v *Vault) filled(table string, row Record) Record {
	for _, c := range v.schema.Tables[table].Columns {
		if _, ok := row[c.Name]; ok || c.Null || c.Default != "" {
			continue
		}
		switch {
		case strings.HasSuffix(c.Name, "Date"):
			row[c.Name] = v.d.date(v.now())
		case c.Type == "boolean":
			row[c.Name] = false
		case strings.Contains(strings.ToLower(c.Type), "int"):
			row[c.Name] = int64(0)
		default:
			row[c.Name] = ""
		}
	}
	return row
}

func (v *Vault) insert(ctx context.Context, r runner, table string, record Record) error {
	var names, params []string
	var args []any
	for _, c := range v.schema.Tables[table].Columns { // an older server lacks some
		if value, ok := record[c.Name]; ok {
			names = append(names, c.Name)
			args = append(args, value)
			params = append(params, v.d.param(len(args)))
		}
	}
	statement := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", v.d.quote(table), v.d.quoteAll(names), strings.Join(params, ", "))
	_, err := r.ExecContext(ctx, statement, args...)
	v.traced(err, "INSERT "+table)
	if err != nil {
		return fmt.Errorf("insert into %s: %w", table, err)
	}
	return nil
}

// update returns how many rows it met.
func (v *Vault) update(ctx context.Context, r runner, change change) (int64, error) {
	names := slices.Sorted(maps.Keys(change.set))
	var sets []string
	var args []any
	for _, name := range names {
		args = append(args, change.set[name])
		sets = append(sets, v.d.quote(name)+" = "+v.d.param(len(args)))
	}
	condition, more := v.condition(change.where, len(args)+1)
	result, err := r.ExecContext(ctx, fmt.Sprintf("UPDATE %s SET %s%s", v.d.quote(change.table), strings.Join(sets, ", "), condition), append(args, more...)...)
	v.traced(err, fmt.Sprintf("UPDATE %s SET %s WHERE %s", change.table, strings.Join(names, ","), change.columns()))
	if err != nil {
		return 0, fmt.Errorf("update %s: %w", change.table, err)
	}
	return result.RowsAffected()
}

// delete returns how many rows it met.
func (v *Vault) delete(ctx context.Context, r runner, table string, where Record) (int64, error) {
	condition, args := v.condition(where, 1)
	result, err := r.ExecContext(ctx, "DELETE FROM "+v.d.quote(table)+condition, args...)
	v.traced(err, strings.TrimSuffix("DELETE "+table+" WHERE "+change{where: where}.columns(), " WHERE "))
	if err != nil {
		return 0, fmt.Errorf("delete from %s: %w", table, err)
	}
	return result.RowsAffected()
}

type change struct {
	table      string
	set, where Record
}

func (c change) columns() string { return strings.Join(slices.Sorted(maps.Keys(c.where)), ",") }

func (v *Vault) traced(err error, statement string) {
	if err != nil {
		statement = "FAILED " + statement
	}
	v.trace(statement)
}

// inTransaction runs what must become visible together.
func (v *Vault) inTransaction(ctx context.Context, work func(*sql.Tx) error) error {
	tx, err := v.DB.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	v.trace("BEGIN" + v.d.isolation)
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	if err := work(tx); err != nil {
		return err
	}
	v.trace("COMMIT")
	return tx.Commit()
}
