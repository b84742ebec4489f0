package record

import _ "embed"

var (
	//go:embed lua/stamp.lua
	stampSource string
	//go:embed lua/unblock.lua
	unblockSource string
	//go:embed lua/bury.lua
	burySource string
	//go:embed lua/trim.lua
	trimSource string
	//go:embed lua/forget.lua
	forgetSource string
)
