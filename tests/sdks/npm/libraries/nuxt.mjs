// Yizack Rangel's nuxt-webhook-validators, each a file of its own. They take their secret from Nuxt, which
// is not here: `#imports` is what Nuxt would put in its place.

import { register } from "node:module";

import { mockEvent } from "h3";

const NUXT = "export const useRuntimeConfig = (event) => ({ webhook: event.context.webhook })";
const HOOKS = `export const resolve = (name, context, next) =>
  name === "#imports" ? { url: ${JSON.stringify(`data:text/javascript,${NUXT}`)}, shortCircuit: true }
                      : next(name, context)`;
register(`data:text/javascript,${encodeURIComponent(HOOKS)}`);

const PACKAGE = new URL("../node_modules/nuxt-webhook-validators/", import.meta.url);
const FILES = new URL("dist/runtime/server/lib/validators/", PACKAGE);

const verifier = (file, setting) => async (delivery, secret) => {
  const [validate] = Object.values(await import(new URL(`${file}.js`, FILES)));
  const event = mockEvent(delivery.request());
  event.context.webhook = { [file]: { [setting]: secret } };
  return validate(event);
};

export const verify = {
  bitbucket: verifier("bitbucket", "secretKey"),
  docusign: verifier("docusign", "secretKey"),
  dropbox: verifier("dropbox", "appSecret"),
  "gitlab-token": verifier("gitlab", "secretToken"),
  meta: verifier("meta", "appSecret"),
  vercel: verifier("vercel", "secretKey"),
};
