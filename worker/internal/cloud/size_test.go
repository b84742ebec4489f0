package cloud

import (
	"encoding/json"
	"strings"
	"testing"
)

// No text may take more than MaxBytes says, however it is encoded.
func TestMaxBytes_IsNeverExceeded(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "Mum", "<&>", "\x00\x1f\x7f", "\xff\xfe", "ä😀\u2028", strings.Repeat("<", 256), `"\/`} {
		row := Row{UserID: "6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f", Name: text, Email: text + "@"}
		r := SyncRequest{CloudOrganizationID: row.UserID, BillingSyncKey: "key", Rows: []Row{row}}
		body, err := encodeSync(r)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		body.Rows = nil
		bare, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		if len(raw)-len(bare) > row.MaxBytes() || len(bare) > MaxEnvelope {
			t.Errorf("%q takes %d bytes of at most %d, the envelope %d", text, len(raw)-len(bare), row.MaxBytes(), len(bare))
		}
	}
}
