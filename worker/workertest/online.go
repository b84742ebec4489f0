package workertest

import (
	"testing"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/jobstest"
	"github.com/sponsorsync/sponsorsync/worker/internal/cloud/cloudtest"
)

// Online is a simulated cloud in real time, for whole programs.
type Online struct {
	*cloudtest.Cloud
	Organization cloudtest.Organization
	// Environment names the cloud to a worker, as NAME=value.
	Environment []string
}

// NewOnline starts a cloud that takes so long for each request.
func NewOnline(t testing.TB, slow time.Duration) Online {
	t.Helper()
	o := Online{Cloud: cloudtest.New(cloudtest.Options{})}
	jobstest.Must(t, o.Start())
	t.Cleanup(func() { _ = o.Close() })
	o.Inject(cloudtest.Slow(slow).Times(-1))
	installation := o.AddInstallation()
	o.Organization = o.AddOrganization()
	o.Environment = []string{
		"globalSettings__enableCloudCommunication=true",
		"globalSettings__installation__id=" + installation.ID, "globalSettings__installation__key=" + installation.Key,
		"globalSettings__installation__identityUri=" + o.URL(), "globalSettings__installation__apiUri=" + o.URL(),
	}
	return o
}
