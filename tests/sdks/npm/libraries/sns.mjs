// Amazon's own. Whose topic it is, it leaves to its caller: its key is the certificate.

import { fresh } from "../offline.mjs";

export const refuses = (error) => error.message === "The message signature is invalid.";

export const verify = {
  "aws-sns": (delivery) =>
    new Promise((resolve, reject) => {
      const Validator = fresh("sns-validator");
      new Validator().validate(delivery.text, (error, message) => (error ? reject(error) : resolve(message)));
    }),
};
