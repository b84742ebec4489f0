package fault

import "strings"

// refusals are the first words of Redis' own errors behind which something else is
// wrong than that it does not run.
var refusals = []struct{ words, says string }{
	{"OOM command not allowed", "Redis takes nothing more: its memory is full (maxmemory)"},
	{"MISCONF", "Redis takes nothing more: it could not write to its disk"},
	{"READONLY", "this Redis is a replica, which takes no writes"},
	{"NOREPLICAS", "Redis takes no writes while too few of its replicas are in step (min-replicas-to-write)"},
	{"NOAUTH", "Redis wants a password, and REDIS_URL has none"},
	{"WRONGPASS", "Redis does not accept the user or the password of REDIS_URL"},
	{"NOPERM", "Redis does not let its user of REDIS_URL do this"},
	{"LOADING", "Redis has just started, and still reads its file"},
}

// Unavailable is a queue_unavailable Error that says what Redis refused, as far as that
// is known. The rest of what Redis said stays in the cause: it may hold arguments.
func Unavailable(cause error, doing string) *Error {
	says := "Redis did not answer as it should"
	for _, r := range refusals {
		if strings.Contains(cause.Error(), r.words) {
			says = r.says
			break
		}
	}
	return Wrap(QueueUnavailable, cause, "%s: %s", doing, says)
}
