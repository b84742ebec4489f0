package ledger

import (
	"errors"
	"time"
)

// LeaseLife is how long a sync's hold on an organization outlives its worker.
// With the sweep's interval it bounds how long a killed worker's organization
// waits.
const LeaseLife = 15 * time.Second

// ErrLeaseLost says that another sync holds the organization by now; whatever
// this one was about to do must not be done.
var ErrLeaseLost = errors.New("the lease of the organization was lost")
