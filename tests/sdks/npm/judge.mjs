// Lets libraries from npm judge deliveries, sign them, and answer a provider's question at registration.
// What is asked is a line on stdin:
//
//   {"library": "octokit", "ask": "verify" | "sign" | "greet", "provider", "secret", "now",
//    "fetched": text | null, "delivery": {"method", "url", "headers": [[name, value], …], "body": base64}}
//
// What is said is a line on stdout, {"error": text} where something else went wrong:
//
//   {"genuine": true | false} | {"delivery": {…}} | {"answer": …}
//
// A module in libraries/ has `verify`, `sign` and `greet` by the provider's name in the catalogue. It accepts
// by returning anything but false; it refuses by returning false or by throwing an error that its `refuses`
// knows, and no other.

import { createInterface } from "node:readline";

import { Delivery } from "./delivery.mjs";
import { hand } from "./offline.mjs";

// Some libraries say there why they refuse.
console.log = console.info = console.warn = console.debug = console.error;

async function answer(question) {
  const library = await import(`./libraries/${question.library}.mjs`);
  const delivery = new Delivery(question.delivery);
  hand(question.fetched);
  const asked = library[question.ask][question.provider];
  if (question.ask === "sign") {
    return { delivery: (await asked(delivery, question.secret, question.now)).plain() };
  }
  if (question.ask === "greet") return { answer: await asked(delivery, question.secret) };
  try {
    return { genuine: (await asked(delivery, question.secret)) !== false };
  } catch (error) {
    if (library.refuses?.(error)) return { genuine: false };
    throw error;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  let said;
  try {
    said = await answer(JSON.parse(line));
  } catch (error) {
    said = { error: `${error?.stack ?? error}` };
  }
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
