// A flow that shows its progress, and one whose output depends on its user.
package main

import (
	"encoding/json"

	dacapo "dacapo.dev/sdk"
)

func init() {
	dacapo.Orchestrator("HelloCities", HelloCities)
	dacapo.Orchestrator("CityRecommender", CityRecommender)
	dacapo.Activity("SayHello", SayHello)
}

// main is what Go asks for; the host calls the functions that were registered.
func main() {}

// HelloCities greets three cities, and shows the last one that was greeted.
func HelloCities(ctx *dacapo.Context, _ struct{}) ([]string, error) {
	var greetings []string
	for _, city := range []string{"Tokyo", "Seattle", "London"} {
		greeting, err := dacapo.CallActivity[string](ctx, "SayHello", city).Await()
		if err != nil {
			return nil, err
		}
		greetings = append(greetings, greeting)
		if err := ctx.SetCustomStatus(city); err != nil {
			return nil, err
		}
	}
	return greetings, nil
}

// SayHello greets somebody.
func SayHello(_ *dacapo.ActivityContext, name string) (string, error) {
	return "Hello " + name + "!", nil
}

// Recommendation is shown to the user, who chooses.
type Recommendation struct {
	Cities  []string `json:"recommendedCities"`
	Seasons []string `json:"recommendedSeasons"`
}

var recommendations = map[int]Recommendation{
	1: {[]string{"Tokyo", "Seattle"}, []string{"Spring", "Summer"}},
	2: {[]string{"Seattle", "London"}, []string{"Summer"}},
	3: {[]string{"Tokyo", "London"}, []string{"Spring", "Summer"}},
}

// CityRecommender recommends cities for a taste (1, 2 or 3), and returns the one that the user chose, as it was sent.
func CityRecommender(ctx *dacapo.Context, taste int) (json.RawMessage, error) {
	recommendation, known := recommendations[taste]
	if !known {
		return nil, dacapo.Errorf("unknown-taste", "There is nothing to recommend for %d; try 1, 2 or 3.", taste)
	}
	if err := ctx.SetCustomStatus(recommendation); err != nil {
		return nil, err
	}

	// Clients know the event under two names.
	choices := []*dacapo.Task[json.RawMessage]{
		dacapo.WaitForEvent[json.RawMessage](ctx, "UserChoice"),
		dacapo.WaitForEvent[json.RawMessage](ctx, "Choice"),
	}
	return choices[dacapo.WaitAny(dacapo.Waiters(choices)...)].Await()
}
