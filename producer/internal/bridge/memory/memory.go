package memory

import (
	_ "embed"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
	"github.com/sponsorsync/sponsorsync/jobs/state"
	"github.com/sponsorsync/sponsorsync/producer/internal/bridge/merge"
)

// version stands in everything that is stored. It is raised only when an older
// program would misread what a newer one writes.
const version = 1

// ErrOvertaken says that somebody else has written the memory meanwhile: what was
// decided on it is void, and must be decided anew.
var ErrOvertaken = errors.New("the bridge's memory of the organization has changed meanwhile")

// Store reads and writes memories. It is safe for concurrent use.
type Store struct {
	rdb    redis.UniversalClient
	sealer *state.Sealer
	save   *redis.Script
	take   *redis.Script
	leave  *redis.Script
}

var (
	//go:embed lua/save.lua
	saveSource string
	//go:embed lua/take.lua
	takeSource string
	//go:embed lua/leave.lua
	leaveSource string
)

// New returns a store on the client, which stays the caller's to close. Without a sealer it can
// change a memory that is there, and make no digests.
func New(rdb redis.UniversalClient, sealer *state.Sealer) *Store {
	return &Store{
		rdb: rdb, sealer: sealer,
		save: state.Script(saveSource), take: redis.NewScript(takeSource), leave: redis.NewScript(leaveSource),
	}
}

// Kept is the memory of one organization as it was read, and what a write must know of it.
type Kept struct {
	merge.Memory
	New bool // nothing was remembered

	org    sponsorship.ID
	edit   string            // grows with each write
	key    []byte            // of the digests
	stored map[string]string // the links as they are stored
}

func linksKey(org sponsorship.ID) string { return state.Key(org, "bridge:links") }
