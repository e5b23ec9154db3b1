// Secreto31126's, for WhatsApp's cloud API, which signs as all of Meta does.

import { WhatsAppAPI } from "whatsapp-api-js";

export const verify = {
  meta: (delivery, secret) =>
    new WhatsAppAPI({ token: "x", appSecret: secret }).verifyRequestSignature(
      delivery.text,
      delivery.header("x-hub-signature-256"),
    ),
};
