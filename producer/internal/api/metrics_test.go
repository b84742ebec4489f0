package api_test

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/fault"
	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/producer/internal/api"
	"github.com/sponsorsync/sponsorsync/producer/internal/view"
)

// Alerts go by these: what waits for a person is told apart from what is late by itself.
func TestMetricsTellWhatWaitsForWhom(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) *time.Time { at := now.Add(-d); return &at }
	refused := &view.Error{Code: fault.BillingSyncTokenInvalid}
	expired := &view.Error{Code: fault.SubscriptionInactive}
	got := api.Figures([]view.Organization{
		{Connected: true, LastSyncAt: ago(25 * time.Hour), NextSyncAt: ago(time.Hour), LastError: refused, LastLicenseError: expired},
		{Connected: true, LastSyncAt: ago(time.Hour), NextSyncAt: ago(-time.Hour), LastError: refused},
		{Connected: true, Paused: true, LastSyncAt: ago(80 * time.Hour), NextSyncAt: ago(70 * time.Hour)},
		{Connected: false, NextSyncAt: ago(90 * time.Hour)},
		{Disconnected: true},
		{Connected: true},
		{Connected: true, Paused: true},
	}, now)
	for figure, want := range map[string]float64{
		"organizations never_synced":                               4,
		"organizations_waiting connection":                         1,
		"organizations_waiting first_sync":                         1,
		"organizations_waiting resume":                             2,
		"organizations_failing sync billing_sync_token_invalid":    2,
		"organizations_failing license billing_sync_token_invalid": 0,
		"organizations_failing license subscription_inactive":      1,
		"sync_overdue_seconds":                                     3600,
	} {
		value, found := got[figure]
		jobstest.Equal(t, figure, found, true)
		jobstest.Equal(t, figure, value, want)
	}
}
