// Anybody's, for the header X-Hub-Signature of WebSub.

import XHubSignature from "x-hub-signature";

const verifier = (algorithm) => (delivery, secret) =>
  new XHubSignature(algorithm, secret).verify(delivery.header("x-hub-signature"), delivery.body);

const signer = (algorithm) => (delivery, secret) =>
  delivery.with("x-hub-signature", new XHubSignature(algorithm, secret).sign(delivery.body));

export const verify = { bitbucket: verifier("sha256"), intercom: verifier("sha1"), jira: verifier("sha256") };

export const sign = { bitbucket: signer("sha256"), intercom: signer("sha1"), jira: signer("sha256") };
