package schedule

// Pause is exported for its table test.
var Pause = pause
