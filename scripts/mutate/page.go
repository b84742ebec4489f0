package main

// pageMutations break what the status page and its API show, and who may do what there.
var pageMutations = []mutation{
	{"p1", "the read token changes things", "producer/internal/access/access.go",
		"if err == nil && who.ReadOnly &&",
		"if false && who.ReadOnly &&",
		[]string{"./producer/internal/access", "./producer/internal/api"}},
	{"p2", "nobody knows who enqueued a job", "producer/internal/api/jobs.go",
		"audit.Note(a.p.Log, who, deed)",
		"_ = deed",
		[]string{"./producer/internal/api"}},
	{"p3", "the way back skips a page", "producer/internal/view/paging.go",
		"of.Previous = back + state.Cursor(found[0])\n		}\n		if len(found) > 0 && at != state.End",
		"of.Previous = back + state.Cursor(found[1])\n		}\n		if len(found) > 0 && at != state.End",
		[]string{"./producer/internal/view"}},
	{"p5", "a history is that of all members", "jobs/events/recall.go",
		"if o.User == \"\" {",
		"if true {",
		[]string{"./jobs/events", "./producer/internal/history"}},
	{"p6", "a chart counts the same events again", "producer/internal/history/chart.go",
		"After: t.last}",
		"After: 0}",
		[]string{"./producer/internal/history"}},
}
