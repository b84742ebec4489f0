package vaulttest

import (
	"context"
	"fmt"
	"slices"
)

func (s *Script) joins(ctx context.Context) (bool, error) {
	s.made++
	admin := s.made%4 == 0
	role := Member
	if admin {
		role = Admin
	}
	return s.enters(ctx, Person{Name: fmt.Sprintf("Member %d", s.made), Email: fmt.Sprintf("member%d@example.com", s.made), Role: role})
}

func (s *Script) enters(ctx context.Context, p Person) (bool, error) {
	member, account, err := s.vault.Join(ctx, s.organization, p)
	s.people = append(s.people, person{member: member, account: account, admin: p.Role == Admin})
	return true, err
}

func (s *Script) comesBack(ctx context.Context) (bool, error) {
	if len(s.left) == 0 {
		return false, nil
	}
	account := s.left[0]
	s.left = s.left[1:]
	return s.enters(ctx, Person{Account: account, Role: Member})
}

// anybody returns a member, or nil.
func (s *Script) anybody(fits func(person) bool) *person {
	var fitting []person
	for _, p := range s.people {
		if fits(p) {
			fitting = append(fitting, p)
		}
	}
	if len(fitting) == 0 {
		return nil
	}
	return &fitting[s.random.IntN(len(fitting))]
}

func anyone(person) bool    { return true }
func admins(p person) bool  { return p.admin }
func (s *Script) few() bool { return len(s.people) < 4 } // somebody must stay

func (s *Script) removes(ctx context.Context) (bool, error) {
	if s.few() {
		return false, nil
	}
	gone := *s.anybody(anyone)
	s.goes(gone, true)
	return true, s.vault.RemoveMember(ctx, gone.member)
}

func (s *Script) removesTwo(ctx context.Context) (bool, error) {
	if s.few() {
		return false, nil
	}
	first, second := s.people[0], s.people[1]
	s.goes(first, true)
	s.goes(second, true)
	return true, s.vault.RemoveMembers(ctx, first.member, second.member)
}

func (s *Script) deletesAccount(ctx context.Context) (bool, error) {
	if s.few() {
		return false, nil
	}
	gone := *s.anybody(anyone)
	s.goes(gone, false)
	return true, s.vault.DeleteAccount(ctx, gone.account)
}

func (s *Script) goes(p person, mayComeBack bool) {
	s.people = slices.DeleteFunc(s.people, func(other person) bool { return other == p })
	if mayComeBack {
		s.left = append(s.left, p.account)
	}
}

func (s *Script) losesAccess(ctx context.Context) (bool, error) {
	p := s.anybody(anyone)
	if err := s.vault.RevokeAccess(ctx, p.member); err != nil {
		return false, err
	}
	return true, s.vault.RestoreAccess(ctx, p.member)
}

func (s *Script) backsUp(ctx context.Context) (bool, error) {
	backup, err := s.vault.Backup(ctx)
	s.backup, s.former = backup, slices.Clone(s.people)
	return true, err
}

// restores leaves nobody who could come back: their accounts may be gone, or be
// members again.
func (s *Script) restores(ctx context.Context) (bool, error) {
	if s.backup == nil {
		return false, nil
	}
	s.people, s.left = slices.Clone(s.former), nil
	return true, s.vault.Restore(ctx, s.backup)
}
