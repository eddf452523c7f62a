// GreetAll, played without a server: an hour passes at once.
import { test } from "node:test";
import { play } from "dacapo/testing";
import "../build/test/main.js"; // `npm test` makes it of src/main.ts

const greeted = () =>
  play("GreetAll", { input: ["Ada", "Bob"] }).expectStatus({ done: 1, total: 2 }).expectStatus({ done: 2, total: 2 });

test("everybody is greeted and thanks are passed on", () => {
  greeted()
    .raise("Thanks", "you're welcome")
    .expectOutput({ greetings: ["Hello Ada!", "Hello Bob!"], thanks: "you're welcome" });
});

test("nobody waits for thanks for ever", () => {
  greeted().fireTimer().expectOutput({ greetings: ["Hello Ada!", "Hello Bob!"], thanks: null });
});
