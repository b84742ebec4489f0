package isolate_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/sponsorsync/sponsorsync/worker/internal/isolate"
)

const noLimit = 1 << 30

// outcome is what a search did.
type outcome struct {
	requests, undecided int
	bad                 []int
	passed              map[int]int // row -> how often it went through
}

// run searches n rows, of which fails says whether a group fails.
func run(s *isolate.Search, fails func(from, to int) bool) outcome {
	o := outcome{passed: map[int]int{}}
	for from, to, ok := s.Next(); ok; from, to, ok = s.Next() {
		o.requests++
		if fails(from, to) {
			s.Failed()
			continue
		}
		s.Passed()
		for row := from; row < to; row++ {
			o.passed[row]++
		}
	}
	o.bad, o.undecided = s.Bad(), s.Undecided()
	return o
}

func holds(bad []int) func(from, to int) bool {
	return func(from, to int) bool {
		return slices.ContainsFunc(bad, func(row int) bool { return row >= from && row < to })
	}
}

// bound is what is promised, less the two requests that come before the search.
func bound(n, k int) int {
	return int(2*float64(k)*math.Log2(float64(n)/float64(k))+4) - 2
}

func spread(n, k int) []int {
	bad := make([]int, k)
	for i := range bad {
		bad[i] = i * n / k
	}
	return bad
}

func TestSearch_OfAThousand(t *testing.T) {
	t.Parallel()
	const n = 1000
	for _, k := range []int{1, 5, 32} {
		shuffled := rand.New(rand.NewPCG(1, uint64(k))).Perm(n)[:k]
		slices.Sort(shuffled)
		first, last := make([]int, k), make([]int, k)
		for i := range k {
			first[i], last[i] = i, n-k+i
		}
		for name, bad := range map[string][]int{"first": first, "last": last, "spread": spread(n, k), "shuffled": shuffled} {
			t.Run(fmt.Sprint(k, " ", name), func(t *testing.T) {
				t.Parallel()
				o := run(isolate.New(n, 32), holds(bad))
				if !slices.Equal(o.bad, bad) || o.undecided != n || len(o.passed) != n-k {
					t.Errorf("found %v, undecided from %d, %d went through", o.bad, o.undecided, len(o.passed))
				}
				if o.requests > bound(n, k) {
					t.Errorf("%d requests, want at most %d", o.requests, bound(n, k))
				}
				t.Logf("%d requests of at most %d", o.requests, bound(n, k))
			})
		}
	}
}

// Whatever rows are bad, they and only they are found, each good row goes
// through exactly once, and no more requests are made than promised.
func TestSearch_Any(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(1, 32).Draw(t, "k")
		n := rapid.IntRange(20*k, 1000).Draw(t, "n")
		bad := rapid.SliceOfNDistinct(rapid.IntRange(0, n-1), k, k, rapid.ID[int]).Draw(t, "bad")
		slices.Sort(bad)
		o := run(isolate.New(n, 32), holds(bad))
		if !slices.Equal(o.bad, bad) || o.undecided != n {
			t.Fatalf("found %v of %v, undecided from %d", o.bad, bad, o.undecided)
		}
		for row := range n {
			if want := !slices.Contains(bad, row); want != (o.passed[row] == 1) || o.passed[row] > 1 {
				t.Fatalf("row %d went through %d times", row, o.passed[row])
			}
		}
		if o.requests > bound(n, k) {
			t.Fatalf("%d bad of %d took %d requests, want at most %d", k, n, o.requests, bound(n, k))
		}
	})
}

// A group that may fail and passes when it is tried again must not stall it.
func TestSearch_OfAnIllCloudComesToAnEnd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "n")
		o := run(isolate.New(n, noLimit), func(int, int) bool { return rapid.Bool().Draw(t, "fails") })
		if len(o.bad)+len(o.passed) != n {
			t.Fatalf("%d bad, %d passed of %d", len(o.bad), len(o.passed), n)
		}
	})
}

func TestSearch_EndsAtItsLimit(t *testing.T) {
	t.Parallel()
	const n, limit = 1000, 32
	bad := spread(n, 50)
	first := run(isolate.New(n, limit), holds(bad))
	if len(first.bad) != limit || first.undecided > bad[limit] || len(first.passed) < bad[limit-1]-limit {
		t.Fatalf("%d found, undecided from %d, %d went through", len(first.bad), first.undecided, len(first.passed))
	}
	second := run(isolate.New(n-first.undecided, limit), func(from, to int) bool {
		return holds(bad)(from+first.undecided, to+first.undecided)
	})
	if len(second.bad) != 50-limit || second.undecided != n-first.undecided {
		t.Fatalf("the second search found %d, undecided from %d", len(second.bad), second.undecided)
	}
}

func TestSearch_OfOneRow(t *testing.T) {
	t.Parallel()
	if o := run(isolate.New(1, 32), holds([]int{0})); len(o.bad) != 1 || o.requests != 1 {
		t.Errorf("%+v, want it found by one request", o)
	}
	if o := run(isolate.New(1, 32), holds(nil)); len(o.bad) != 0 || len(o.passed) != 1 {
		t.Errorf("%+v, want it cleared", o)
	}
}
