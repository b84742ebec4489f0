package vaulttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
)

// play does what a fact tells of.
type play func(*testing.T, *replay) error

// actions says how each is done. What a fact does not tell, its preparation made.
func actions() map[string]play {
	all := map[string]play{}
	for _, some := range []map[string]play{connectionActions(), offerActions(), revokeActions(), memberActions(), organizationActions(), jobActions()} {
		maps.Copy(all, some)
	}
	return all
}

func connectionActions() map[string]play {
	save := func(t *testing.T, r *replay) error {
		config := r.config(t)
		return r.v.SaveToken(t.Context(), r.connection("OrganizationId"), config.BillingSyncKey, config.CloudOrganizationId)
	}
	return map[string]play{
		"connection.create": save, "connection.tokenChanged": save, "connection.emptyToken": save,
		"connection.saveAgain": func(t *testing.T, r *replay) error {
			return r.v.SaveToken(t.Context(), r.organization, "TOKEN", "c10ad000-0000-4000-8000-00000000c10d")
		},
		"connection.licenseSync": func(t *testing.T, r *replay) error {
			at := must(time.Parse(time.RFC3339Nano, *r.config(t).LastLicenseSync))(t)
			return r.v.SyncLicense(t.Context(), r.connection("OrganizationId"), at)
		},
		"connection.disabled": func(t *testing.T, r *replay) error {
			return r.v.DisableConnection(t.Context(), r.connection("OrganizationId"))
		},
		"connection.scim": func(t *testing.T, r *replay) error {
			return r.v.SaveSCIM(t.Context(), r.connection("OrganizationId"))
		},
		"connection.delete": func(t *testing.T, r *replay) error {
			return r.v.DeleteConnection(t.Context(), r.connection("OrganizationId"))
		},
	}
}

func (r *replay) config(t *testing.T) (config billingConfig) {
	t.Helper()
	no(t, json.Unmarshal([]byte(r.row(connections).After["Config"].(string)), &config))
	return config
}

func (r *replay) connection(column string) string { return lower(r.either(connections)[column]) }

// either returns a row of the fact as it was, or as it became.
func (r *replay) either(table string) Record {
	row := r.row(table)
	if row.Before != nil {
		return row.Before
	}
	return row.After
}

func offerActions() map[string]play {
	all := map[string]play{
		"offer.twiceAtOnce": func(t *testing.T, r *replay) error {
			first := must(r.v.BeginOffer(t.Context(), offerOf(r.Rows[0].After)))(t)
			second := must(r.v.BeginOffer(t.Context(), offerOf(r.Rows[1].After)))(t)
			return errors.Join(first.Finish(t.Context()), second.Finish(t.Context()))
		},
		"offer.toOneself": func(t *testing.T, r *replay) error {
			return r.v.Offer(t.Context(), ByWebVault(r.mate, strings.ToUpper(r.mateEmail)))
		},
		"reoffer.fails.lockHeld35s": offerAgainstALock,
		"repository.create.unknownOrganization": func(t *testing.T, r *replay) error {
			return r.v.insert(t.Context(), r.v.DB, sponsorships, r.sponsorship(r.v.id(r.v.ids.next()), r.mate))
		},
	}
	for _, name := range []string{
		"offer.member", "offer.nullName", "offer.unicode", "offer.admin", "offer.admin.second", "offer.admin.sameAddressOtherName",
		"offer.ownByAdmin", "offer.afterRevoke", "offer.afterComingBack", "reoffer.beforeSync", "reoffer.afterSync", "reoffer.afterRedeemed",
		"reoffer.whileToDelete", "reoffer.sameAddressOtherNameWhileToDelete", "reoffer.caseOnly",
	} {
		all[name] = offerWhatIsTold
	}
	for name, text := range map[string]string{"reoffer.fails.tooLong": strings.Repeat("n", 300), "reoffer.fails.nul": "a\x00b"} {
		all[name] = func(t *testing.T, r *replay) error { return offerThatMayFail(t, r, text) }
	}
	for name, offer := range map[string]func(r *replay) Offer{
		"offer.member.same":                 func(r *replay) Offer { return ByWebVault(r.mate, "nan@example.test") },
		"reoffer.sameWhileToDelete":         func(r *replay) Offer { return ByWebVault(r.mate, "nan@example.test") },
		"offer.otherMemberSameName":         func(r *replay) Offer { return ByWebVault(r.other, "nan@example.test") },
		"offer.nullNameSecondMember":        func(r *replay) Offer { return Offer{Member: r.other, Email: "other@example.test"} },
		"offer.member.sameNameOtherAddress": func(r *replay) Offer { return named(r.mate, "other@example.test", "nan@example.test") },
	} {
		all[name] = func(t *testing.T, r *replay) error { return r.v.Offer(t.Context(), offer(r)) }
	}
	return all
}

func named(member, email, name string) Offer { return Offer{Member: member, Email: email, Name: &name} }

func offerOf(row Record) Offer {
	offer := Offer{Member: lower(row["SponsoringOrganizationUserId"]), Email: text(row["OfferedToEmail"])}
	offer.Admin = row["IsAdminInitiated"] == true || row["IsAdminInitiated"] == int64(1)
	for column, target := range map[string]**string{"FriendlyName": &offer.Name, "Notes": &offer.Notes} {
		if stored, ok := row[column].(string); ok {
			*target = &stored
		}
	}
	return offer
}

func offerWhatIsTold(t *testing.T, r *replay) error {
	return r.v.Offer(t.Context(), offerOf(r.row(sponsorships).After))
}

// offerThatMayFail offers with a name that not every engine takes.
func offerThatMayFail(t *testing.T, r *replay, name string) error {
	told := r.row(sponsorships)
	switch {
	case told.After != nil:
		return offerWhatIsTold(t, r)
	case told.Before != nil:
		return r.v.Offer(t.Context(), named(lower(told.Before["SponsoringOrganizationUserId"]), "other@example.test", name))
	default:
		return r.v.Offer(t.Context(), named(r.mate, "other@example.test", name))
	}
}

// offerAgainstALock offers while somebody else holds a lock, and lets go of it when
// the write has failed.
func offerAgainstALock(t *testing.T, r *replay) error {
	row := r.row(sponsorships).Before
	tx := must(r.v.DB.BeginTx(t.Context(), nil))(t)
	must(r.v.update(t.Context(), tx, change{table: sponsorships, set: Record{"Notes": "locked"}, where: Record{"Id": row["Id"]}}))(t)
	r.statements = nil
	r.v.trace = func(statement string) {
		r.statements = append(r.statements, statement)
		if strings.HasPrefix(statement, "FAILED") {
			no(t, tx.Rollback())
		}
	}
	return r.v.Offer(t.Context(), ByWebVault(lower(row["SponsoringOrganizationUserId"]), "other@example.test"))
}

func revokeActions() map[string]play {
	all := map[string]play{
		"revoke.none":              func(t *testing.T, r *replay) error { return r.v.Revoke(t.Context(), r.mate) },
		"revoke.again":             func(t *testing.T, r *replay) error { return r.v.Revoke(t.Context(), r.mate) },
		"revoke.admin.byName":      func(t *testing.T, r *replay) error { return revokeByName(t.Context(), r, strings.ToUpper) },
		"revoke.admin.ofMemberRow": func(t *testing.T, r *replay) error { return revokeByName(t.Context(), r, strings.Clone) },
	}
	for _, name := range []string{"revoke.beforeSync", "revoke.afterSync", "revoke.redeemed", "revoke.ofTwo", "revoke.afterOfficialSync"} {
		all[name] = func(t *testing.T, r *replay) error {
			return r.v.Revoke(t.Context(), lower(r.row(sponsorships).Before["SponsoringOrganizationUserId"]))
		}
	}
	for _, name := range []string{"readBeforeFirstLastSyncDate", "overNewerDates", "overReoffer", "rowGone.synced", "rowGone.unsynced"} {
		all["race.revoke."+name] = func(t *testing.T, r *replay) error { return r.pending.Finish(t.Context()) }
	}
	return all
}

func revokeByName(ctx context.Context, r *replay, change func(string) string) error {
	row := r.row(sponsorships).Before
	return r.v.RevokeByName(ctx, lower(row["SponsoringOrganizationId"]), change(text(row["FriendlyName"])))
}

func memberActions() map[string]play {
	all := map[string]play{
		"members.removedTogether": func(t *testing.T, r *replay) error {
			var ids []string
			for _, row := range r.Rows {
				if row.Table == members {
					ids = append(ids, lower(row.Before["Id"]))
				}
			}
			return r.v.RemoveMembers(t.Context(), ids...)
		},
		"member.created": func(t *testing.T, r *replay) error {
			_, _, err := r.v.Join(t.Context(), r.memberships("OrganizationId"), Person{Name: text(r.row(users).After["Name"]), Email: text(r.row(users).After["Email"]), Role: Member})
			return err
		},
		"member.comesBack": func(t *testing.T, r *replay) error {
			_, _, err := r.v.Join(t.Context(), r.memberships("OrganizationId"), Person{Account: r.memberships("UserId"), Role: Member})
			return err
		},
		"member.invited": func(t *testing.T, r *replay) error {
			_, err := r.v.Invite(t.Context(), r.memberships("OrganizationId"), text(r.row(members).After["Email"]))
			return err
		},
		"member.accessRevoked":  func(t *testing.T, r *replay) error { return r.v.RevokeAccess(t.Context(), r.memberships("Id")) },
		"member.accessRestored": func(t *testing.T, r *replay) error { return r.v.RestoreAccess(t.Context(), r.memberships("Id")) },
	}
	for _, name := range []string{"member.removed.unsynced", "member.removed.redeemed", "member.leaves", "admin.removed"} {
		all[name] = func(t *testing.T, r *replay) error { return r.v.RemoveMember(t.Context(), r.memberships("Id")) }
	}
	for _, name := range []string{"account.deleted", "account.deletedClaimed"} {
		all[name] = func(t *testing.T, r *replay) error { return r.v.DeleteAccount(t.Context(), r.memberships("UserId")) }
	}
	return all
}

func (r *replay) memberships(column string) string { return lower(r.either(members)[column]) }

func organizationActions() map[string]play {
	return map[string]play{
		"organization.created": func(t *testing.T, r *replay) error {
			row := r.row(organizations).After
			_, err := r.v.Found(t.Context(), Organization{Name: text(row["Name"]), LicenseKey: text(row["LicenseKey"])})
			return err
		},
		"organization.licenseUpdate": func(t *testing.T, r *replay) error {
			return r.v.UpdateLicense(t.Context(), lower(r.either(organizations)["Id"]), 120, time.Date(2027, 12, 31, 0, 0, 0, 0, time.UTC))
		},
		"organization.disabled": func(t *testing.T, r *replay) error {
			return r.v.DisableOrganization(t.Context(), lower(r.either(organizations)["Id"]))
		},
		"organization.deleted": func(t *testing.T, r *replay) error {
			return r.v.DeleteOrganization(t.Context(), lower(r.either(organizations)["Id"]))
		},
		"purge.weekly": func(t *testing.T, r *replay) error { return r.v.Purge(t.Context()) },
		"repository.replace.dates": func(t *testing.T, r *replay) error {
			row := maps.Clone(r.row(sponsorships).Before)
			row["LastSyncDate"] = r.v.d.date(time.Date(2026, 8, 21, 10, 0, 0, 123456700, time.UTC))
			row["ValidUntil"] = r.v.d.date(time.Date(2027, 8, 21, 0, 0, 0, 0, time.UTC))
			return r.v.manners.replace(t.Context(), row)
		},
	}
}

// jobActions run the official job; the cloud calls the rows of the fact removed and
// keeps all others.
func jobActions() map[string]play {
	run := func(cloud func(*replay, []Sent) (map[string]Answer, error)) play {
		return func(t *testing.T, r *replay) error {
			return r.v.RunOfficialJob(t.Context(), r.jobOrganization(), func(sent []Sent) (map[string]Answer, error) { return cloud(r, sent) })
		}
	}
	answer := run(func(r *replay, sent []Sent) (map[string]Answer, error) {
		answers := map[string]Answer{}
		for _, s := range sent {
			answers[s.Member] = Answer{Removed: s.Member == lower(r.row(sponsorships).Before["SponsoringOrganizationUserId"])}
		}
		return answers, nil
	})
	return map[string]play{
		"officialSync.allKept": answer, "officialSync.oneRemovedRestKept": answer, "officialSync.onlyRemoved": answer,
		"officialSync.twoRowsOneMember": answer,
		"officialSync.emptyAnswer":      run(func(*replay, []Sent) (map[string]Answer, error) { return nil, nil }),
		"officialSync.cloud500":         run(func(*replay, []Sent) (map[string]Answer, error) { return nil, fmt.Errorf("status 500") }),
	}
}

func (r *replay) jobOrganization() string {
	if row := r.row(sponsorships).Before; row != nil {
		return lower(row["SponsoringOrganizationId"])
	}
	return r.organization
}
