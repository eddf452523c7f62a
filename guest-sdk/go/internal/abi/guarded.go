//go:build wasip1

// A function of the module on a goroutine of its own, so that a wait that nothing can end becomes a failure.
package abi

import (
	"fmt"
	"runtime"
	"runtime/metrics"

	"dacapo.dev/sdk/internal/host"
)

// How often others get their turn without any of them being able to take it, before that is taken to be for good. The
// collector, which a function may wait for as well, does a part of its work each time.
const mostIdleRounds = 10_000

// guarded runs the function. Were nothing left to run, Go would ask WASI to wait, or give up, and either is the end of
// the instance, with a message that does not say what to do instead. So this goroutine never rests.
func guarded(what, name, instead string, run func() (string, *host.Failure)) (json string, failed *host.Failure) {
	withCollections(func() { json, failed = watched(what, name, instead, run) })
	return json, failed
}

func watched(what, name, instead string, run func() (string, *host.Failure)) (json string, failed *host.Failure) {
	ended := false
	go func() {
		// Also where the function ends its goroutine.
		defer func() { ended = true }()
		failed = &host.Failure{Kind: "error", Message: fmt.Sprintf("%s %s has ended its goroutine instead of returning", what, name)}
		json, failed = run()
	}()
	for idleRounds := 0; !ended; idleRounds++ {
		runtime.Gosched()
		if !ended && canOthersRun() {
			idleRounds = 0
		}
		if idleRounds == mostIdleRounds {
			return "", &host.Failure{Kind: "blocking-call", Message: fmt.Sprintf(
				"%s %s waits for what cannot come: time stands still while it runs, and none of its goroutines can go on; "+
					"instead of time.Sleep, timers, channels and locks %s", what, name, instead)}
		}
	}
	return json, failed
}

// canOthersRun looks without stopping the world: that polls once a timer of Go's was used, which traps.
func canOthersRun() bool {
	sample := []metrics.Sample{{Name: "/sched/goroutines/runnable:goroutines"}}
	metrics.Read(sample)
	return sample[0].Value.Kind() == metrics.KindUint64 && sample[0].Value.Uint64() > 0
}
