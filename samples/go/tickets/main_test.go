// The flow, played natively.
package main

import (
	"encoding/json"
	"testing"
	"time"

	"dacapo.dev/sdk/dacapotest"
)

var sorry = Message{"The booking was not confirmed on time. Please try again."}

func offered(t *testing.T) *dacapotest.Run {
	run := dacapotest.Play(t, "ReserveTicket", "user-1")
	return run.ExpectStatus(Offer{48, 60, "https://www.myawesomebookingweb.com"}).ExpectWaiting()
}

func TestADiscountDoesNotDependOnHowItsUserIsWritten(t *testing.T) {
	for _, id := range []string{`{"id":12345678901234567890,"n":"ü<&>"}`, `{ "n": "\u00fc<&>", "id": 12345678901234567890 }`} {
		discount, err := CalculateDiscount(nil, json.RawMessage(id))
		if err != nil || discount != 21 {
			t.Error(discount, err)
		}
	}
}

func TestConfirmedInTime(t *testing.T) {
	run := offered(t).Advance(59*time.Second).RaiseEvent("BookingConfirmed", true)
	run.ExpectStatus(Message{"Thank you for confirming your booking."}).ExpectOutput(true)
}

func TestRefusedOrTooLate(t *testing.T) {
	offered(t).RaiseEvent("BookingConfirmed", false).ExpectStatus(sorry).ExpectOutput(false)
	offered(t).Advance(60 * time.Second).ExpectStatus(sorry).ExpectOutput(false)
}
