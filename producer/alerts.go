package main

import (
	"context"
	"time"

	"github.com/sponsorsync/sponsorsync/internal/health"
	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/alert"
)

// alertLook bounds one look at the whole.
const alertLook = 20 * time.Second

// alerts returns what tells an admin, or nil where nobody is to be told.
func (s *server) alerts() (run func(context.Context) error, err error) {
	if s.cfg.AlertURL == "" {
		return nil, nil
	}
	post, err := alert.NewPost(s.cfg.AlertURL, s.cfg.HookSecrets[0]) // config has required one
	if err != nil {
		return nil, err
	}
	source := health.Source{
		Redis: s.rdb, Ledger: state.New(s.rdb, nil), Jobs: s.jobs, Now: time.Now, Timeout: alertLook,
		NATS: func(ctx context.Context) error { return events.Ask(ctx, s.js.Conn()) },
	}
	return alert.New(alert.Params{
		Gather: func(ctx context.Context) health.Facts { return health.Gather(ctx, source) },
		Redis:  s.rdb, Post: post, Every: alert.Every, Log: s.log, Now: time.Now,
	}).Run, nil
}
