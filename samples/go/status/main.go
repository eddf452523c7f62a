// Custom statuses: one to query, and one as large as you like.
package main

import (
	"encoding/json"
	"strings"

	dacapo "dacapo.dev/sdk"
)

func init() {
	dacapo.Orchestrator("StatusTest", StatusTest)
	dacapo.Orchestrator("BigStatus", BigStatus)
}

// main is what Go asks for; the host calls the functions that were registered.
func main() {}

// Status is what StatusTest shows.
type Status struct {
	NextActions []string `json:"nextActions"`
	Foo         int      `json:"foo"`
}

// StatusTest publishes a status and waits; any client that knows the instance id can read it, during and after.
func StatusTest(ctx *dacapo.Context, _ struct{}) (struct{}, error) {
	if err := ctx.SetCustomStatus(Status{[]string{"A", "B", "C"}, 2}); err != nil {
		return struct{}{}, err
	}
	_, err := dacapo.WaitForEvent[json.RawMessage](ctx, "Done").Await()
	return struct{}{}, err
}

// BigStatus sets a status of so many letters. Past the server's limit that fails, and says what the limit is.
func BigStatus(ctx *dacapo.Context, letters uint) (struct{}, error) {
	return struct{}{}, ctx.SetCustomStatus(strings.Repeat("x", int(letters)))
}
