// What a library would fetch is handed to it: nothing here reaches a network.

import https from "node:https";
import { createRequire } from "node:module";
import { Socket } from "node:net";
import { Readable } from "node:stream";

const require = createRequire(import.meta.url);
let fetched = null;

// What every address answers from now on; null where none may be asked.
export function hand(text) {
  fetched = text;
}

function served(url) {
  if (fetched === null) throw new Error(`a library wanted ${url}`);
  return fetched;
}

globalThis.fetch = async (url) => new Response(served(url));
https.get = (url, heard) => {
  const answer = Object.assign(Readable.from([Buffer.from(served(url))]), { statusCode: 200 });
  queueMicrotask(() => heard(answer));
  return { on: () => {} };
};
Socket.prototype.connect = () => {
  throw new Error("a library wanted a connection");
};

// A CommonJS package as it is when it was just started: without what it keeps of what it fetched.
export function fresh(name) {
  for (const file of Object.keys(require.cache)) {
    if (file.includes(`/node_modules/${name}/`)) delete require.cache[file];
  }
  return require(name);
}
