package main

// promises says for each promise of the README, by its number, which mutations
// break it: one that nobody can break is held by nothing.
var promises = map[int][]string{
	1:  {"1a", "1d", "1e", "9d", "o1", "o2", "o3", "l23", "j1", "j3"},
	2:  {"2a", "2b", "2c", "2d", "2e", "x1b", "x3a", "x3c", "x3e", "x4a", "x4b", "l2", "l21"},
	3:  {"3a", "3e", "3f", "l8", "l9", "l10"},
	4:  {"4a", "4b", "4c", "4e", "T3", "T4"},
	5:  {"5a", "5b", "5d", "x1d"},
	6:  {"6a", "6b", "6c", "T1", "l1", "l17"},
	7:  {"7a", "7b", "7c", "s7", "10c"},
	8:  {"8a", "8b", "8c", "8d"},
	9:  {"9a", "9b", "9c"},
	10: {"f1", "f6", "f10"},
}
