package main

// promises says for each promise of the README, by its number, which mutations
// break it: one that nobody can break is held by nothing.
var promises = map[int][]string{
	1:  {"1a", "1d", "1e", "9d"},
	2:  {"2a", "2b", "2c", "2d", "2e", "x1b", "x3a", "x3c", "x3e", "x4a", "x4b"},
	3:  {"3a", "3e", "3f"},
	4:  {"4a", "4b", "4c", "4e", "T3", "T4"},
	5:  {"5a", "5b", "5d", "x1d"},
	6:  {"6a", "6b", "6c", "T1"},
	7:  {"7a", "7b"},
	8:  {"8a"},
	9:  {"9a", "9b", "9c"},
	10: {"f1", "f6", "f10"},
}
