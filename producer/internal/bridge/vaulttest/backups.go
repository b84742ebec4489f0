package vaulttest

import (
	"context"
	"database/sql"
	"slices"
)

// Backup is a copy of all tables.
type Backup map[string][]Record

// Backup copies all tables.
func (v *Vault) Backup(ctx context.Context) (Backup, error) {
	backup := Backup{}
	for _, table := range creationOrder() {
		rows, err := v.find(ctx, v.DB, table, nil)
		if err != nil {
			return nil, err
		}
		backup[table] = rows
	}
	return backup, nil
}

// Restore replaces all tables by those of a backup, at once.
func (v *Vault) Restore(ctx context.Context, backup Backup) error {
	return v.inTransaction(ctx, func(tx *sql.Tx) error {
		order := creationOrder()
		for _, table := range slices.Backward(order) {
			if _, err := v.delete(ctx, tx, table, nil); err != nil {
				return err
			}
		}
		for _, table := range order {
			for _, row := range backup[table] {
				if err := v.insert(ctx, tx, table, row); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
