// Package isolate plans the search for the rows that make a request fail, in few
// requests: adaptive group testing. k bad rows of n, k well below n, are found
// in at most 2k log2(n/k) + 4 requests.
//
// The search asks for groups of neighboring rows, from the left. A group that
// fails is halved down to its first bad row, which must have failed alone; the
// rest of the group is as unknown as before. The next group is half as large
// after each find and twice as large after each success, so that few bad rows
// cost few requests and many do not cost each good row one.
//
// The package sends nothing and knows nothing of rows but their number.
package isolate

// Search looks for bad rows among the rows 0 to n-1. Use: while Next returns a
// group, send it and call Passed or Failed. It is not safe for concurrent use.
type Search struct {
	next, end    int // rows before next are decided
	suspectEnd   int // rows next to suspectEnd-1 failed together; suspectEnd <= next: none such
	size         int // of the next group of unknown rows
	limit        int
	trial        int // where the group that is being tried ends
	bad          []int
	overTheLimit bool
}

// New begins a search among n rows that failed together. It ends early when one
// more than limit bad rows would be found.
func New(n, limit int) *Search { return &Search{end: n, suspectEnd: n, size: n, limit: limit} }

// Next returns the group to send, rows from to to-1. ok is false when the search
// is over.
func (s *Search) Next() (from, to int, ok bool) {
	if s.overTheLimit || s.next >= s.end {
		return 0, 0, false
	}
	s.trial = min(s.next+s.size, s.end)
	if suspects := s.suspectEnd - s.next; suspects > 0 {
		s.trial = s.next + max(1, suspects/2)
	}
	return s.next, s.trial, true
}

// Passed notes that the group went through.
func (s *Search) Passed() {
	if s.suspectEnd <= s.next {
		s.size *= 2
	}
	s.next = s.trial // the first bad row, if there was one, is in the other half
}

// Failed notes that the group failed.
func (s *Search) Failed() {
	switch {
	case len(s.bad) == s.limit:
		s.overTheLimit = true
	case s.trial-s.next == 1:
		s.bad = append(s.bad, s.next)
		s.next, s.suspectEnd = s.trial, 0
		s.size = max(1, s.size/2)
	default:
		s.suspectEnd = s.trial
	}
}

// Bad returns the rows that failed alone. The slice is the search's.
func (s *Search) Bad() []int { return s.bad }

// Undecided returns where the rows begin that the search left alone because it
// had found its limit; the number of rows when it left none.
func (s *Search) Undecided() int { return s.next }
