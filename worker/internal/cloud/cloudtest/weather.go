package cloudtest

// Weather lists faults that pass: what a healthy installation gets over by itself, each at
// most once as it stands.
func Weather() []Fault {
	return []Fault{
		LostAnswer(), LostAnswer(), Reset(), Unavailable(), BadGateway(), ServerError(), EdgeBlock(), RateLimitedFor(1),
		Unauthorized(), HTML(), UnmailedError(), BrokenAnswer(),
	}
}
