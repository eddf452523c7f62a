// GreetAll, played without a server: an hour passes at once.
package main

import (
	"testing"

	"dacapo.dev/sdk/dacapotest"
)

var greetings = []string{"Hello Ada!", "Hello Bob!"}

func greeted(t *testing.T) *dacapotest.Run {
	run := dacapotest.Play(t, "GreetAll", []string{"Ada", "Bob"})
	return run.ExpectStatus(Progress{1, 2}).ExpectStatus(Progress{2, 2}).ExpectWaiting()
}

func TestEverybodyIsGreetedAndThanksArePassedOn(t *testing.T) {
	greeted(t).RaiseEvent("Thanks", "you're welcome").ExpectOutput(Greeted{greetings, "you're welcome"})
}

func TestNobodyWaitsForThanksForEver(t *testing.T) {
	greeted(t).AdvanceToNextTimer().ExpectOutput(Greeted{greetings, nil})
}
