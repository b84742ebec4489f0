//go:build hostile

package sponsorship_test

import (
	"testing"

	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

func TestHostileAddresses(t *testing.T) {
	for _, a := range []string{"x@y", "a@-foo.com", "a@foo-.com", "a@[1.2.3.4]", "a@[300.1.1.1]", "a@[x]", "a@ex_ample.com", "a@b.c.", "!#$%&'*+/=?^_`{|}~@x", "a@#", "a@1", "a@xn--", "-@-", "a/b@c", "a@b.c,d@e.f", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@x.com"} {
		t.Logf("%-40.40s %v", a, sponsorship.CheckEmail(a))
	}
}
