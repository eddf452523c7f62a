// HelloCities and CityRecommender, played without a server.
import { test } from "node:test";
import { play } from "dacapo/testing";
import "../cities.js";

test("HelloCities shows each city once it was greeted", () => {
  play("HelloCities")
    .expectStatus("Tokyo")
    .expectStatus("Seattle")
    .expectStatus("London")
    .expectOutput(["Hello Tokyo!", "Hello Seattle!", "Hello London!"]);
});

test("CityRecommender recommends, and returns what was chosen under either name", () => {
  for (const name of ["UserChoice", "choice"]) {
    play("CityRecommender", { input: 2 })
      .expectStatus({ recommendedCities: ["Seattle", "London"], recommendedSeasons: ["Summer"] })
      .raise(name, "London")
      .expectOutput("London");
  }
});

test("CityRecommender says which tastes it knows", () => {
  play("CityRecommender", { input: 9 }).expectFailure({ kind: "unknown-taste", message: /for 9; try 1, 2 or 3/ });
  play("CityRecommender").expectFailure({ kind: "decode" });
});
