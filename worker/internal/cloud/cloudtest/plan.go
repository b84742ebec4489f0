package cloudtest

// tier is the product tier a plan number belongs to.
type tier int

const (
	tierFree tier = iota
	tierFamilies
	tierTeams
	tierEnterprise
)

// tierOf maps plan numbers to tiers; Custom counts as Free (PROTOCOL.md 2.5).
func tierOf(planType int) tier {
	switch planType {
	case 4, 5, 10, 11, 14, 15, 19, 20:
		return tierEnterprise
	case 1, 7, 22:
		return tierFamilies
	case 0, 6:
		return tierFree
	}
	return tierTeams
}
