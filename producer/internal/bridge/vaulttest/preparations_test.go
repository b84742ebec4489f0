package vaulttest

import (
	"maps"
	"testing"
)

// preparations make what a fact does not tell because it stayed as it was.
func preparations() map[string]func(*replay, *testing.T) {
	const synced = "2026-08-20 19:16:19.123457"
	return map[string]func(*replay, *testing.T){
		"connection.saveAgain": func(r *replay, t *testing.T) {
			r.team(t)
			no(t, r.v.SaveToken(t.Context(), r.organization, "TOKEN", "c10ad000-0000-4000-8000-00000000c10d"))
		},
		"offer.member.same":                 (*replay).offered,
		"offer.member.sameNameOtherAddress": (*replay).offered,
		"offer.otherMemberSameName":         (*replay).offered,
		"offer.nullNameSecondMember": func(r *replay, t *testing.T) {
			r.team(t)
			no(t, r.v.Offer(t.Context(), Offer{Member: r.mate, Email: "nan@example.test"}))
		},
		"offer.toOneself":   (*replay).team,
		"reoffer.fails.nul": (*replay).team,
		"repository.create.unknownOrganization": func(r *replay, t *testing.T) {
			r.team(t)
			r.organization = "00000000-0000-4000-8000-000000000000"
		},
		"reoffer.sameWhileToDelete": func(r *replay, t *testing.T) {
			r.offered(t)
			r.set(t, Record{"LastSyncDate": r.stored(synced), "ToDelete": r.v.flag(true)})
		},
		"revoke.none": (*replay).team,
		"revoke.again": func(r *replay, t *testing.T) {
			r.offered(t)
			r.set(t, Record{"LastSyncDate": r.stored(synced), "ToDelete": r.v.flag(true)})
		},
		"revoke.ofTwo": func(r *replay, t *testing.T) {
			second := maps.Clone(r.row(sponsorships).Before)
			second["Id"], second["FriendlyName"] = r.v.id("ffffffff-ffff-4fff-bfff-b50c01000000"), "second"
			r.put(t, sponsorships, second)
		},
		"race.revoke.readBeforeFirstLastSyncDate": func(r *replay, t *testing.T) {
			copy := maps.Clone(r.row(sponsorships).Before)
			copy["LastSyncDate"] = nil
			r.readThenWritten(t, copy)
		},
		"race.revoke.overNewerDates": func(r *replay, t *testing.T) { r.readThenWritten(t, r.unmarked()) },
		"race.revoke.overReoffer":    func(r *replay, t *testing.T) { r.readThenWritten(t, r.unmarked()) },
		"race.revoke.rowGone.synced": func(r *replay, t *testing.T) {
			r.offered(t)
			r.set(t, Record{"LastSyncDate": r.stored(synced)})
			r.readThenGone(t)
		},
		"race.revoke.rowGone.unsynced": func(r *replay, t *testing.T) {
			r.offered(t)
			r.readThenGone(t)
		},
		"account.deleted":                 (*replay).offerOfWhoGoes,
		"account.deletedClaimed":          (*replay).offerOfWhoGoes,
		"officialSync.allKept":            (*replay).offered,
		"officialSync.emptyAnswer":        (*replay).offered,
		"officialSync.cloud500":           (*replay).offered,
		"officialSync.oneRemovedRestKept": (*replay).oneMore,
		"officialSync.twoRowsOneMember": func(r *replay, t *testing.T) {
			r.offered(t)
			guest := named(r.mate, "guest@example.test", "Guest")
			guest.Admin = true
			no(t, r.v.Offer(t.Context(), guest))
		},
	}
}

// team makes an organization with two members.
func (r *replay) team(t *testing.T) {
	t.Helper()
	ctx, err := t.Context(), error(nil)
	r.organization = must(r.v.Found(ctx, Organization{Name: "Example", LicenseKey: "KEY"}))(t)
	r.mateEmail = "mia@example.com"
	r.mate, _, err = r.v.Join(ctx, r.organization, Person{Name: "Mia", Email: r.mateEmail, Role: Member})
	no(t, err)
	r.other, _, err = r.v.Join(ctx, r.organization, Person{Name: "Ole", Email: "ole@example.com", Role: Member})
	no(t, err)
}

// offered is a team whose first member has offered.
func (r *replay) offered(t *testing.T) {
	t.Helper()
	r.team(t)
	no(t, r.v.Offer(t.Context(), ByWebVault(r.mate, "nan@example.test")))
}

// set changes the first member's row, as somebody other than the server.
func (r *replay) set(t *testing.T, values Record) {
	t.Helper()
	must(r.v.update(t.Context(), r.v.DB, change{table: sponsorships, set: values, where: Record{"SponsoringOrganizationUserId": r.v.id(r.mate)}}))(t)
}

// stored adds the zone to a date where the engine shows one.
func (r *replay) stored(date string) string {
	if r.Engine == PostgreSQL {
		return date + "+00"
	}
	return date
}

// unmarked is the row as the revoke read it.
func (r *replay) unmarked() Record {
	copy := maps.Clone(r.row(sponsorships).After)
	copy["ToDelete"] = r.v.flag(false)
	return copy
}

// readThenWritten has a revoke read the one row, and somebody write the other over it.
func (r *replay) readThenWritten(t *testing.T, read Record) {
	t.Helper()
	r.put(t, sponsorships, read)
	r.pending = must(r.v.BeginRevoke(t.Context(), lower(read["SponsoringOrganizationUserId"])))(t)
	r.put(t, sponsorships, r.row(sponsorships).Before)
}

func (r *replay) readThenGone(t *testing.T) {
	t.Helper()
	r.pending = must(r.v.BeginRevoke(t.Context(), r.mate))(t)
	must(r.v.delete(t.Context(), r.v.DB, sponsorships, nil))(t)
}

// offerOfWhoGoes is what stays when an account goes.
func (r *replay) offerOfWhoGoes(t *testing.T) {
	t.Helper()
	member := r.row(members).Before
	r.organization = lower(member["OrganizationId"])
	r.put(t, sponsorships, r.sponsorship(r.v.id(r.v.ids.next()), lower(member["Id"])))
}

// oneMore is another row in the organization of the fact, which the cloud keeps.
func (r *replay) oneMore(t *testing.T) {
	t.Helper()
	r.organization = r.jobOrganization()
	mate := r.v.id(r.v.ids.next())
	r.member(t, r.v.id(r.organization), mate)
	r.put(t, sponsorships, r.sponsorship(r.v.id(r.v.ids.next()), lower(mate)))
}

func (r *replay) sponsorship(id, member string) Record {
	return Record{
		"Id": id, "SponsoringOrganizationId": r.v.id(r.organization), "SponsoringOrganizationUserId": r.v.id(member),
		"FriendlyName": "stays@example.test", "OfferedToEmail": "stays@example.test", "PlanSponsorshipType": int64(0), "ToDelete": r.v.flag(false),
	}
}
