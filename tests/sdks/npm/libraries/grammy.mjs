// grammY's, for Telegram's bots.

import { Bot, webhookCallback } from "grammy";

const botInfo = { id: 1, is_bot: true, first_name: "x", username: "x_bot" };

export const verify = {
  telegram: async (delivery, secret) => {
    const take = webhookCallback(new Bot("1:x", { botInfo }), "std/http", { secretToken: secret });
    return (await take(delivery.request())).status === 200;
  },
};
