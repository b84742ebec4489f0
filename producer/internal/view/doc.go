// Package view is what the producer shows, whoever asks: the JSON objects of
// organizations, sponsorships, jobs and problems, the reading of the ledger that
// fills them, and the words for a status. The HTTP API, the status page and the
// command line stand on it, beside each other.
//
// It changes nothing, writes no answer, and never shows a token or a key.
package view
