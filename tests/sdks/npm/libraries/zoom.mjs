// Zoom's own. It writes the JSON anew before it looks at the signature, and looks at no time.

import { AwsLambdaReceiver } from "@zoom/rivet/meetings";

export const verify = {
  zoom: async (delivery, secret) => {
    const take = new AwsLambdaReceiver({ webhooksSecretToken: secret }).start();
    const said = await take({ body: delivery.text, headers: delivery.named, isBase64Encoded: false });
    if (said.statusCode === 200) return true;
    if (!said.body.includes("Failed to verify event originated from Zoom")) throw new Error(said.body);
    return false;
  },
};
