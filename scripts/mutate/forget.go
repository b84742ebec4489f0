package main

// forgetMutations break what erases: what is over, one person, an organization.
var forgetMutations = []mutation{
	{"f1", "what is forgotten keeps the address that was offered", "jobs/sponsorship/forget.go",
		"Status: s.Status, Revision: s.Revision,",
		"Status: s.Status, Revision: s.Revision, Wire: s.Wire,",
		[]string{"./jobs/sponsorship"}},
	{"f2", "what is forgotten counts from nothing", "jobs/sponsorship/forget.go",
		"Status: s.Status, Revision: s.Revision,",
		"Status: s.Status,",
		[]string{"./jobs/sponsorship"}},
	{"f3", "jobs that died keep a person's address", "jobs/enqueue/erase.go",
		"inspect.ListActiveTasks, inspect.ListCompletedTasks, inspect.ListArchivedTasks,",
		"inspect.ListActiveTasks, inspect.ListCompletedTasks,",
		[]string{"./jobs/enqueue"}},
	{"f4", "jobs that are done keep a person's address", "jobs/enqueue/erase.go",
		"inspect.ListActiveTasks, inspect.ListCompletedTasks, inspect.ListArchivedTasks,",
		"inspect.ListActiveTasks, inspect.ListArchivedTasks,",
		[]string{"./jobs/enqueue"}},
	{"f5", "to erase an admin drops the offers that the admin made to others", "jobs/enqueue/erase.go",
		"s.Key == args.OrganizationUserID && !args.AdminInitiated",
		"s.Key == args.OrganizationUserID",
		[]string{"./jobs/enqueue"}},
}
