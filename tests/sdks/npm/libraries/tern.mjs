// Hookflo's tern, which has a declaration of each provider as this gateway has.

import { fresh } from "../offline.mjs";

const verifier = (platform) => async (delivery, secret) => {
  const { WebhookVerificationService: service } = fresh("@hookflo/tern");
  const verdict = await service.verifyWithPlatformConfig(delivery.request(), platform, secret);
  const refused = ["INVALID_SIGNATURE", "INVALID_TOKEN", "TIMESTAMP_EXPIRED"].includes(verdict.errorCode);
  if (!verdict.isValid && !refused) throw new Error(verdict.error);
  return verdict.isValid;
};

export const verify = {
  // The account's id is no secret to it: its key is fal's.
  fal: (delivery) => verifier("falai")(delivery, ""),
  "gitlab-token": verifier("gitlab"),
  "lemon-squeezy": verifier("lemonsqueezy"),
  sentry: verifier("sentry"),
  woocommerce: verifier("woocommerce"),
};
