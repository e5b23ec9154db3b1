// Trigger.dev's declarations of how each provider signs. The library holds these alone: what acts on them
// there runs at Trigger.dev, and here below. The header and its grammar, the text that is signed, the hash,
// its encoding and the tolerance are theirs.

import { createHmac } from "node:crypto";

import { webhookProviderConfigs } from "@trigger.dev/core/webhooks";

// The header's elements: [["t", "1795380000"], ["v1", "…"]], or [["", all of it]].
function elements({ signature, signatureHeader }, delivery) {
  const given = delivery.header(signatureHeader);
  const items = signature.itemSeparator ? given.split(signature.itemSeparator) : [given];
  return items.map((item) => {
    const at = signature.field ? item.indexOf(signature.fieldSeparator) : -1;
    return [item.slice(0, Math.max(at, 0)).trim(), item.slice(at + 1)];
  });
}

function time({ timestamp }, parts, delivery) {
  if (timestamp?.source.from === "header") return delivery.header(timestamp.source.name);
  if (timestamp?.source.from === "signatureField") {
    return parts.find(([name]) => name === timestamp.source.field)?.[1];
  }
  return undefined;
}

const verifier = (name) => (delivery, secret) => {
  const config = webhookProviderConfigs[name].config();
  const parts = elements(config, delivery);
  const at = time(config, parts, delivery);
  const tolerance = config.timestamp?.toleranceSeconds;
  if (tolerance && Math.abs(Date.now() / 1000 - Number(at)) > tolerance) return false;
  const hmac = createHmac(config.algorithm, secret);
  const template = config.signingString === "raw" ? "{body}" : config.signingString.template;
  for (const piece of template.split(/(\{\w+\})/)) {
    hmac.update({ "{body}": delivery.body, "{timestamp}": at }[piece] ?? piece);
  }
  const right = hmac.digest(config.encoding);
  return parts.some(([part, value]) => part === (config.signature.field ?? "") && value === right);
};

const NAMES = [
  ...["calendly", "docusign", "intercom", "jira", "pagerduty"],
  ...["sentry", "typeform", "vercel", "zendesk"],
];

export const verify = Object.fromEntries(NAMES.map((name) => [name, verifier(name)]));
