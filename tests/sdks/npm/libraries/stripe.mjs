// Stripe's own.

import Stripe from "stripe";

const { webhooks } = Stripe;

export const refuses = (error) => error.type === "StripeSignatureVerificationError";

export const verify = {
  stripe: (delivery, secret) =>
    webhooks.constructEvent(delivery.body, delivery.header("stripe-signature"), secret),
};

export const sign = {
  stripe: (delivery, secret, now) => {
    const made = { payload: delivery.text, secret, timestamp: Math.floor(now) };
    return delivery.with("stripe-signature", webhooks.generateTestHeaderString(made));
  },
};
