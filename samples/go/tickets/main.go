// A flow that tells its client what to do next, and waits for it for a minute.
package main

import (
	"bytes"
	"encoding/json"
	"time"

	dacapo "dacapo.dev/sdk"
)

func init() {
	dacapo.Orchestrator("ReserveTicket", ReserveTicket)
	dacapo.Activity("CalculateDiscount", CalculateDiscount)
}

// main is what Go asks for; the host calls the functions that were registered.
func main() {}

const timeToBook = 60 * time.Second

// Offer is what the client is shown at first.
type Offer struct {
	Discount        int    `json:"discount"`
	DiscountTimeout int    `json:"discountTimeout"`
	BookingURL      string `json:"bookingUrl"`
}

// Message is what the client is shown at the end.
type Message struct {
	Message string `json:"message"`
}

// ReserveTicket offers a discount, and returns whether the booking was confirmed while it lasted.
func ReserveTicket(ctx *dacapo.Context, userID json.RawMessage) (bool, error) {
	discount, err := dacapo.CallActivity[int](ctx, "CalculateDiscount", userID).Await()
	if err != nil {
		return false, err
	}
	offer := Offer{discount, int(timeToBook.Seconds()), "https://www.myawesomebookingweb.com"}
	if err := ctx.SetCustomStatus(offer); err != nil {
		return false, err
	}

	// Not in time is not confirmed.
	confirmed, _, err := dacapo.WaitForEvent[bool](ctx, "BookingConfirmed").AwaitWithin(timeToBook)
	if err != nil {
		return false, err
	}
	message := Message{"The booking was not confirmed on time. Please try again."}
	if confirmed {
		message = Message{"Thank you for confirming your booking."}
	}
	return confirmed, ctx.SetCustomStatus(message)
}

// CalculateDiscount is between 0 and 50 percent, and always the same for the same user.
func CalculateDiscount(_ *dacapo.ActivityContext, userID json.RawMessage) (int, error) {
	text, err := normal(userID)
	sum := 0
	for _, one := range text {
		sum += int(one)
	}
	return sum % 51, err
}

// normal writes JSON in the one way, however the client has written it: compact, with letters as they are.
func normal(value json.RawMessage) ([]byte, error) {
	var parsed any
	reader := json.NewDecoder(bytes.NewReader(value))
	reader.UseNumber()
	if err := reader.Decode(&parsed); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	writer := json.NewEncoder(&text)
	writer.SetEscapeHTML(false)
	err := writer.Encode(parsed)
	return bytes.TrimSpace(text.Bytes()), err
}
