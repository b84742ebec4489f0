package state

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed lua/prelude.lua
	prelude string
	//go:embed lua/accept.lua
	acceptSource string
	//go:embed lua/write.lua
	writeSource string
	//go:embed lua/connect.lua
	connectSource string
	//go:embed lua/lift.lua
	liftSource string
	//go:embed lua/request.lua
	requestSource string
	//go:embed lua/begin.lua
	beginSource string
	//go:embed lua/settle.lua
	settleSource string
	//go:embed lua/release.lua
	releaseSource string
	//go:embed lua/fail.lua
	failSource string
	//go:embed lua/license.lua
	licenseSource string
)

// scripts are compiled once a ledger; go-redis sends their hash and falls back
// to the source when a restarted Redis has forgotten it.
type scripts struct {
	accept, write, connect, lift, request, begin, settle, release, fail, license *redis.Script
}

func newScripts() scripts {
	script := func(source string) *redis.Script { return redis.NewScript(prelude + source) }
	return scripts{
		accept: script(acceptSource), write: script(writeSource), connect: script(connectSource), lift: script(liftSource),
		request: script(requestSource), begin: script(beginSource), settle: script(settleSource),
		release: script(releaseSource), fail: script(failSource), license: script(licenseSource),
	}
}
