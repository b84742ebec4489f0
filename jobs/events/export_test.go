package events

// Pure decisions that deserve their own tables.
var (
	Waves  = waves
	Wanted = wanted
	Pause  = pause
	From   = from
)
