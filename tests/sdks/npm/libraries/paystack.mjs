// Alexander Asomba's, for Paystack.

import { computePaystackWebhookSignature, verifyPaystackWebhookSignature } from "@alexasomba/paystack-node";

export const verify = {
  paystack: (delivery, secret) =>
    verifyPaystackWebhookSignature({
      rawBody: delivery.body,
      signature: delivery.header("x-paystack-signature"),
      secret,
    }),
};

export const sign = {
  paystack: (delivery, secret) =>
    delivery.with("x-paystack-signature", computePaystackWebhookSignature(delivery.body, secret)),
};
