// Shopify's own, which also wants every header that Shopify sends.

import "@shopify/shopify-api/adapters/web-api";

import { ApiVersion, shopifyApi } from "@shopify/shopify-api";

export const verify = {
  shopify: async (delivery, secret) => {
    const shop = shopifyApi({
      apiKey: "x",
      apiSecretKey: secret,
      apiVersion: Object.values(ApiVersion).at(-1),
      hostName: "hooks.example.com",
      isEmbeddedApp: false,
      logger: { log: () => {} },
    });
    const verdict = await shop.webhooks.validate({ rawBody: delivery.text, rawRequest: delivery.request() });
    if (verdict.reason === "missing_headers") throw new Error(`we sent no ${verdict.missingHeaders}`);
    return verdict.valid;
  },
};
