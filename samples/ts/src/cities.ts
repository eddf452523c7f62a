// A flow that shows its progress, and one whose output depends on its user.
import { app, Failure } from "dacapo";

/** Greets three cities, and shows the last one that was greeted. */
app.orchestration("HelloCities", function* (context) {
  const greetings: string[] = [];
  for (const city of ["Tokyo", "Seattle", "London"]) {
    greetings.push(yield* context.df.callActivity<string>("SayHello", city));
    context.df.setCustomStatus(city);
  }
  return greetings;
});

app.activity<string>("SayHello", {
  input: String,
  handler: (name) => `Hello ${name}!`,
});

interface Recommendation {
  recommendedCities: string[];
  recommendedSeasons: string[];
}

const RECOMMENDATIONS = new Map<number, Recommendation>([
  [1, { recommendedCities: ["Tokyo", "Seattle"], recommendedSeasons: ["Spring", "Summer"] }],
  [2, { recommendedCities: ["Seattle", "London"], recommendedSeasons: ["Summer"] }],
  [3, { recommendedCities: ["Tokyo", "London"], recommendedSeasons: ["Spring", "Summer"] }],
]);

/** Recommends cities for a taste (1, 2 or 3), and returns the one that the user chose. */
app.orchestration("CityRecommender", function* (context) {
  const taste = context.df.getInput(Number);
  const recommendation = RECOMMENDATIONS.get(taste);
  if (!recommendation) {
    throw new Failure("unknown-taste", `There is nothing to recommend for ${taste}; try 1, 2 or 3.`);
  }
  context.df.setCustomStatus(recommendation);

  // Clients know the event under two names.
  const names = ["UserChoice", "Choice"];
  const chosen = yield* context.df.Task.any(names.map((name) => context.df.waitForExternalEvent<unknown>(name)));
  return chosen.result;
});
