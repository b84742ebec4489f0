package state

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed lua/prelude.lua
	prelude string
	//go:embed lua/connect.lua
	connectSource string
	//go:embed lua/disconnect.lua
	disconnectSource string
	//go:embed lua/untoken.lua
	untokenSource string
	//go:embed lua/forget.lua
	forgetSource string
	//go:embed lua/unlink.lua
	unlinkSource string
	//go:embed lua/erase.lua
	eraseSource string
)

// scripts are hashed once per ledger.
type scripts struct{ connect, disconnect, untoken, forget, unlink, erase *redis.Script }

func newScripts() scripts {
	return scripts{
		connect: Script(connectSource), disconnect: Script(disconnectSource),
		untoken: Script(untokenSource), forget: Script(forgetSource), unlink: Script(unlinkSource), erase: Script(eraseSource),
	}
}

// Script returns a script that knows the keys by name (lua/prelude.lua). Run it
// with [Keys]. go-redis sends its hash, and its source when a restarted Redis has
// forgotten it.
func Script(source string) *redis.Script { return redis.NewScript(prelude + source) }
