// Package dacapotest plays orchestrators natively, in `go test`: no WebAssembly, no server, and time that moves only when
// the test says so.
//
//	run := dacapotest.Play(t, "ReserveTicket", "user-1", dacapotest.Result("CalculateDiscount", 30))
//	run.ExpectStatus(map[string]any{"discount": 30, "discountTimeout": 60, "bookingUrl": "https://..."})
//	run.Advance(59 * time.Second).RaiseEvent("BookingConfirmed", true)
//	run.ExpectOutput(true)
//
// What the test does not script are the registered functions. Whenever a flow comes to rest it is also played again from
// its beginning, with the outcomes that were recorded: one that then asks for something else fails the test. A server
// replays, too, and could not go on with it.
package dacapotest
