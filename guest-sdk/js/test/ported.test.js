// The README's samples of Durable Functions: what the diff leaves is played.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import test from "node:test";
import { play } from "../testing.js";

const file = new URL("./ported.build.js", import.meta.url);

test("samples move over by their imports and registration", async (t) => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const [, diff] = readme.match(/```diff\n([^]*?)\n```/);
  const kept = diff.split("\n").filter((line) => !line.startsWith("-"));
  const source = kept.map((line) => line.slice(1)).join("\n").replace('"dacapo"', '"../index.js"');
  t.after(() => rmSync(file));
  writeFileSync(file, source);
  await import(file);

  const sequence = play("E1_HelloSequence").expectStatus("Tokyo").expectStatus("Seattle").expectStatus("London");
  sequence.expectOutput(["Hello Tokyo!", "Hello Seattle!", "Hello London!"]);

  play("CityRecommender", { input: 2 })
    .expectStatus({ recommendedCities: ["Seattle", "London"], recommendedSeasons: ["Summer"] })
    .raise("UserChoice", "London")
    .expectOutput("London");

  play("ReserveTicket", { input: "user-1", activities: { CalculateDiscount: () => 30 } })
    .expectStatus({ discount: 30, discountTimeout: 60, bookingUrl: "https://www.myawesomebookingweb.com" })
    .raise("BookingConfirmed", true)
    .expectStatus({ message: "Thank you for confirming your booking." })
    .expectOutput(true);
});
