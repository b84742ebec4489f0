package events

// Pure decisions that deserve their own tables.
var (
	Waves = waves
	Raise = raise
	Pause = pause
	From  = from
)
