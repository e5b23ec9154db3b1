// Ingame's, for PayU in Europe.

import { PayU } from "@ingameltd/payu";

export const verify = {
  payu: (delivery, secret) =>
    new PayU(1, "x", 2, secret).verifyNotification(delivery.header("openpayu-signature"), delivery.text),
};
