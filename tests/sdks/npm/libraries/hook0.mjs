// Hook0's own: Coinbase's developer platform sends with Hook0.

import { verifyWebhookSignature } from "hook0-client";

export const refuses = (error) => /^(Invalid signature|The webhook has expired)/.test(error.message);

export const verify = {
  "coinbase-cdp": (delivery, secret) => {
    const signature = delivery.header("x-hook0-signature");
    return verifyWebhookSignature(signature, delivery.body, new Headers(delivery.headers), secret, 300);
  },
};
