package doctor

// The pure halves of the checks.
var (
	Regions           = regions
	TokenVerdict      = tokenVerdict
	StreamVerdict     = streamVerdict
	ConnectionVerdict = connectionVerdict
)
