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
}
