// The flows, played natively.
package main

import (
	"testing"

	"dacapo.dev/sdk/dacapotest"
)

func TestTheStatusStaysToTheEnd(t *testing.T) {
	run := dacapotest.Play(t, "StatusTest", nil).ExpectWaiting().RaiseEvent("Done", nil)
	run.ExpectStatus(Status{[]string{"A", "B", "C"}, 2}).ExpectNoMoreStatuses().ExpectOutput(nil)
}

func TestAsLargeAsAskedFor(t *testing.T) {
	dacapotest.Play(t, "BigStatus", 3).ExpectStatus("xxx").ExpectOutput(nil)
}
