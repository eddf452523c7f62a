// The flows, played natively.
package main

import (
	"testing"

	"dacapo.dev/sdk/dacapotest"
)

func TestHelloCitiesShowsEachCityOnceItWasGreeted(t *testing.T) {
	run := dacapotest.Play(t, "HelloCities", nil)
	run.ExpectStatus("Tokyo").ExpectStatus("Seattle").ExpectStatus("London").ExpectNoMoreStatuses()
	run.ExpectOutput([]string{"Hello Tokyo!", "Hello Seattle!", "Hello London!"})
}

func TestRecommenderDependsOnTheTasteAndTakesEitherEvent(t *testing.T) {
	run := dacapotest.Play(t, "CityRecommender", 2)
	run.ExpectStatus(Recommendation{Cities: []string{"Seattle", "London"}, Seasons: []string{"Summer"}})
	run.RaiseEvent("Choice", "London").ExpectOutput("London")
	// As a client sends it that encodes twice.
	dacapotest.Play(t, "CityRecommender", "3").RaiseEvent("UserChoice", "Tokyo").ExpectOutput("Tokyo")
}

func TestRecommenderNamesATasteThatItDoesNotKnow(t *testing.T) {
	dacapotest.Play(t, "CityRecommender", 7).ExpectFailure("unknown-taste", "nothing to recommend for 7; try 1, 2 or 3.")
	dacapotest.Play(t, "CityRecommender", "x").ExpectFailure("decode", `found "x"`)
}
