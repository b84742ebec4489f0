package sponsorship

// open reports whether anybody may ask for r of s, which the vault manages. To give an
// offer up does not contradict the vault, which learns of it; to make the same one
// again changes nothing of what it says. What exists cannot be adopted by anybody.
func (s Sponsorship) open(r Request) bool {
	switch r.(type) {
	case Revoke, Resend:
		return true
	case Adopt:
		return s.Exists()
	}
	return false
}

// managed is what becomes of s when the vault asks for r, which came to next or err:
// from now on the vault manages it. What somebody had typed before, and the vault
// has too, is left as it is.
func (s Sponsorship) managed(r Request, next Sponsorship, err error) (Sponsorship, error) {
	if _, adopts := r.(Adopt); adopts && s.Exists() {
		next, err = s, nil
	}
	if err == nil {
		next.Vault = true
	}
	return next, err
}

// Unmanaged is s without a word of who manages it: once the vault has no row of it
// any more. Nothing happened that anybody is told of.
func Unmanaged(s Sponsorship) Sponsorship {
	s.Vault = false
	return s
}
