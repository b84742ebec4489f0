package events_test

import (
	"fmt"
	"log"
	"time"

	"github.com/sponsorsync/sponsorsync/jobs/events"
	"github.com/sponsorsync/sponsorsync/jobs/sponsorship"
)

// A message that any NATS client has received, read into a typed event.
func ExampleDecode() {
	message, err := events.NewSponsorship(events.Sponsorship{
		OrganizationID: "6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f", OrganizationUserID: "0b0b0b0b-ab5d-4bb3-9b7a-000000000001",
		From: sponsorship.Pending, To: sponsorship.Sent, Revision: 2,
	}, time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(message.Subject)

	event, err := events.Decode[events.Sponsorship](message.Payload)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(event.Data.From, "->", event.Data.To, event.Time.Format(time.DateOnly))
	// Output:
	// sponsorsync.6f1ed002-ab5d-4bb3-9b7a-3a4b5c6d7e8f.sponsorship.0b0b0b0b-ab5d-4bb3-9b7a-000000000001.sent
	// pending -> sent 2026-11-02
}
