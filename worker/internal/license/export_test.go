package license

// OnStep tells the function after each step of a write; an error that it
// returns ends the write there, as a full disk would.
func (s *Store) OnStep(step func(done string) error) { s.step = step }

// SignedText is what the property signature is made over, or the hash.
func (d Document) SignedText(hash bool) string {
	if hash {
		return d.signedText(unhashed...)
	}
	return d.signedText()
}
