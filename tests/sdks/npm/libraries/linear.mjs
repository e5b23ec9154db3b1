// Linear's own.

import { LinearWebhookClient } from "@linear/sdk/webhooks";

export const refuses = (error) => /^Invalid webhook/.test(error.message);

export const verify = {
  linear: (delivery, secret) =>
    new LinearWebhookClient(secret).verify(delivery.body, delivery.header("linear-signature")),
};
