// Greets people one after the other, shows how far it is, and waits for a word of thanks.
package main

import (
	"time"

	dacapo "dacapo.dev/sdk"
)

func init() {
	dacapo.Orchestrator("GreetAll", GreetAll)
	dacapo.Activity("Greet", Greet)
}

// main is what Go asks for; the host calls the functions that were registered.
func main() {}

// Progress is what the instance shows.
type Progress struct {
	Done  int `json:"done"`
	Total int `json:"total"`
}

// Greeted is what GreetAll returns; without thanks they are null.
type Greeted struct {
	Greetings []string `json:"greetings"`
	Thanks    any      `json:"thanks"`
}

// GreetAll returns the greetings and, if it comes within an hour, the thanks.
func GreetAll(ctx *dacapo.Context, names []string) (Greeted, error) {
	greeted := Greeted{Greetings: []string{}}
	for _, name := range names {
		greeting, err := dacapo.CallActivity[string](ctx, "Greet", name).Await()
		if err != nil {
			return greeted, err
		}
		greeted.Greetings = append(greeted.Greetings, greeting)
		if err := ctx.SetCustomStatus(Progress{len(greeted.Greetings), len(names)}); err != nil {
			return greeted, err
		}
	}
	thanks, _, err := dacapo.WaitForEvent[any](ctx, "Thanks").AwaitWithin(time.Hour)
	greeted.Thanks = thanks
	return greeted, err
}

// Greet is an activity: side effects belong into those.
func Greet(_ *dacapo.ActivityContext, name string) (string, error) {
	return "Hello " + name + "!", nil
}
