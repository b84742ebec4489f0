package relay

// Pure decisions that deserve their own tables.
var (
	Age = age
)
