package main

import (
	"crypto/rand"
	"time"

	"github.com/sponsorsync/sponsorsync/config"
	"github.com/sponsorsync/sponsorsync/config/boot"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/database"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/memory"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
)

// openVault opens the self-hosted server's own database, which need not answer yet.
func openVault(cfg config.Bridge) (bridge.Source, error) {
	db, err := database.Open(database.Options{Target: cfg.Database, Writes: cfg.Mode == config.BridgeFull})
	if err != nil {
		return bridge.Source{}, err
	}
	return bridge.Source{Database: db, Restrictions: db.Restrictions, People: db.People, DatesByJob: db.DatesByJob(), Close: db.Close}, nil
}

// bridge returns what follows the server's database, or nil where that is off, and what
// closes it.
func (s *server) bridge() (*bridge.Bridge, func(), error) {
	cfg := s.cfg.Bridge
	if cfg.Mode == config.BridgeOff {
		return nil, func() {}, nil
	}
	sealer, err := boot.Sealer(s.cfg.EncryptionKeys)
	if err != nil {
		return nil, nil, err
	}
	source, err := openVault(cfg)
	if err != nil {
		return nil, nil, err
	}
	s.names = source.Names
	b := bridge.New(bridge.Params{
		Database: source, Queue: bridge.NewQueue(s.jobs), Ledger: state.New(s.rdb, sealer), Memory: memory.New(s.rdb, sealer),
		Rules:  merge.Rules{Grace: cfg.Grace, WithdrawOrphans: cfg.Orphans == config.BridgeWithdraw, DatesByJob: source.DatesByJob, Writes: cfg.Mode == config.BridgeFull},
		Holder: memory.Holder{Token: rand.Text(), Mode: cfg.Mode}, Interval: cfg.Interval, Now: time.Now, Log: s.log,
		Metrics: bridge.NewMetrics(s.registry),
	})
	return b, func() { _ = source.Close() }, nil
}
