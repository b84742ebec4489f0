package ledger

import (
	_ "embed"

	"github.com/redis/go-redis/v9"

	"github.com/sponsorsync/sponsorsync/jobs/state"
)

var (
	//go:embed lua/prelude.lua
	prelude string
	//go:embed lua/turn.lua
	turn string
	//go:embed lua/accept.lua
	acceptSource string
	//go:embed lua/remember.lua
	rememberSource string
	//go:embed lua/write.lua
	writeSource string
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
	//go:embed lua/damage.lua
	damageSource string
	//go:embed lua/license.lua
	licenseSource string
	//go:embed lua/aside.lua
	asideSource string
	//go:embed lua/beat.lua
	beatSource string
	//go:embed lua/mark.lua
	markSource string
	//go:embed lua/progress.lua
	progressSource string
	//go:embed lua/due.lua
	dueSource string
	//go:embed lua/bringback.lua
	bringBackSource string
	//go:embed lua/counted.lua
	countedSource string
	//go:embed lua/remark.lua
	remarkSource string
	//go:embed lua/recode.lua
	recodeSource string
	//go:embed lua/run.lua
	runSource string
)

// scripts are hashed once per ledger.
type scripts struct {
	accept, remember, write, lift, request, begin, settle, release, fail, damage, license, beat, run, aside, mark, due, progress, bringBack, counted, remark, recode *redis.Script
}

func newScripts() scripts {
	script := func(source string) *redis.Script { return state.Script(prelude + source) }
	return scripts{
		accept: script(turn + acceptSource), remember: script(turn + rememberSource), write: script(writeSource), lift: script(liftSource),
		request: script(requestSource), begin: script(beginSource), settle: script(settleSource),
		release: script(releaseSource), fail: script(failSource), license: script(licenseSource),
		damage: script(damageSource),
		aside:  redis.NewScript(asideSource), // about a shard, not an organization
		beat:   script(beatSource), run: script(runSource), mark: script(markSource), due: script(dueSource),
		progress: script(progressSource), bringBack: script(bringBackSource),
		counted: script(countedSource), remark: script(remarkSource), recode: script(recodeSource),
	}
}
