package ledger

// CanConfirm is what an answer to INFO says of disk and replicas.
func CanConfirm(text string) (fsync bool, replicas int) {
	a := parseInfo(text)
	return a.fsync(), a.replicas
}
