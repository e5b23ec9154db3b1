// Twitter's own, from when it was called that.

import autohook from "twitter-autohook";

export const verify = {
  twitter: (delivery, secret) =>
    autohook.validateSignature(delivery.named, { consumer_secret: secret }, delivery.text),
};

export const greet = {
  twitter: (delivery, secret) =>
    autohook.validateWebhook(new URL(delivery.url).searchParams.get("crc_token"), { consumer_secret: secret }),
};
