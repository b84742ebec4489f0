package doctor

// The pure halves of the checks.
var (
	Regions         = regions
	CompareStream   = compareStream
	Crowded         = crowded
	CheckConnection = checkConnection
	CheckWorkers    = checkWorkers
	CheckFill       = checkFill
)
