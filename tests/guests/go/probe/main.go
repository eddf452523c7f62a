// What the language itself offers for time and chance, and the mistakes that it lets one make: each language has this.
package main

import (
	crypto "crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand"
	"net"
	"os"
	"runtime"
	"time"

	dacapo "dacapo.dev/sdk"
)

func init() {
	dacapo.Orchestrator("Traces", Traces)
	dacapo.Orchestrator("Throws", Throws)
	dacapo.Orchestrator("Sleeps", Sleeps)
	dacapo.Orchestrator("Blocks", Blocks)
	dacapo.Orchestrator("OpensFile", OpensFile)
	dacapo.Orchestrator("OpensSocket", OpensSocket)
	dacapo.Orchestrator("NotJson", NotJSON)
	dacapo.Activity("Echo", Echo)
}

func main() {}

// drawn has values of the clock and of chance; the same whenever this is played.
func drawn() map[string]any {
	var secure [8]byte
	// It never fails, and says so in its documentation.
	_, _ = crypto.Read(secure[:])
	return map[string]any{
		"clockMs": time.Now().UnixMilli(),
		"random":  rand.Float64(),
		"secure":  hex.EncodeToString(secure[:]),
		// Chance decides about this order, too.
		"order": order(),
	}
}

func order() string {
	text := ""
	for key := range map[string]bool{"a": true, "b": true, "c": true, "d": true, "e": true} {
		text += key
	}
	return text
}

// collect has memory collected, which asks whether a timer of Go's own has fired: none does within a turn.
func collect() {
	timer := time.AfterFunc(time.Nanosecond, func() { panic("time does not pass within a turn") })
	runtime.GC()
	timer.Stop()
}

// Traces uses what the language has: there is no uuid in its library.
func Traces(ctx *dacapo.Context, _ struct{}) (any, error) {
	values := drawn()
	values["uuid"], values["now"] = ctx.NewUUID(), ctx.Now()
	collect()
	first, err := dacapo.CallActivity[json.RawMessage](ctx, "Echo", values).Await()
	if err != nil {
		return nil, err
	}
	if _, err := ctx.StartTimer(time.Second).Await(); err != nil {
		return nil, err
	}
	collect()
	return map[string]any{"first": first, "second": drawn()}, nil
}

// Throws makes a mistake deep in a flow.
func Throws(*dacapo.Context, struct{}) (struct{}, error) {
	find(7)
	return struct{}{}, nil
}

func find(order int) {
	panic(fmt.Sprintf("no such order: %d", order))
}

// Sleeps waits by the language's own means.
func Sleeps(*dacapo.Context, struct{}) (struct{}, error) {
	time.Sleep(10 * time.Millisecond)
	return struct{}{}, nil
}

// Blocks waits for what never comes.
func Blocks(*dacapo.Context, struct{}) (struct{}, error) {
	<-make(chan int)
	return struct{}{}, nil
}

// OpensFile needs a file.
func OpensFile(*dacapo.Context, struct{}) (string, error) {
	content, err := os.ReadFile("/etc/hostname")
	return string(content), err
}

// OpensSocket needs the network.
func OpensSocket(*dacapo.Context, struct{}) (struct{}, error) {
	connection, err := net.Dial("tcp", "127.0.0.1:1")
	if err != nil {
		return struct{}{}, err
	}
	return struct{}{}, connection.Close()
}

// NotJSON sends what JSON cannot hold.
func NotJSON(ctx *dacapo.Context, _ struct{}) (any, error) {
	lines := []any{1, make(chan int)}
	return dacapo.CallActivity[any](ctx, "Echo", map[string]any{"order": map[string]any{"lines": lines}}).Await()
}

// Echo returns its input.
func Echo(_ *dacapo.ActivityContext, value json.RawMessage) (json.RawMessage, error) {
	return value, nil
}
