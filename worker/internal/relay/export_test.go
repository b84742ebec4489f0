package relay

// Pure decisions that deserve their own tables.
var (
	Backoff = backoff
	Age     = age
)
