// Mollie's own.

import { SignatureValidator } from "../node_modules/mollie-api-typescript/dist/esm/utils/webhooks/index.js";

export const refuses = (error) => error.name === "InvalidSignatureException";

export const verify = {
  "mollie-next": (delivery, secret) =>
    SignatureValidator.validate(delivery.text, secret, delivery.header("x-mollie-signature")),
};

export const sign = {
  "mollie-next": async (delivery, secret) => {
    const signature = await SignatureValidator.createSignature(delivery.text, secret);
    return delivery.with("x-mollie-signature", `sha256=${signature}`);
  },
};
