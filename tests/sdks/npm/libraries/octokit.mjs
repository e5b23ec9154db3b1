// GitHub's own.

import * as methods from "@octokit/webhooks-methods";

export const verify = {
  github: (delivery, secret) => methods.verify(secret, delivery.text, delivery.header("x-hub-signature-256")),
};

export const sign = {
  github: async (delivery, secret) =>
    delivery.with("x-hub-signature-256", await methods.sign(secret, delivery.text)),
};
