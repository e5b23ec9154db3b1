// A delivery, in the forms that libraries want it in.

export class Delivery {
  constructor({ method, url, headers, body }) {
    this.method = method;
    this.url = url;
    this.headers = headers;
    this.body = Buffer.from(body, "base64");
  }

  get text() {
    return this.body.toString("utf8");
  }

  // A header that has to be there.
  header(name) {
    const found = this.headers.find(([other]) => other.toLowerCase() === name);
    if (!found) throw new Error(`we sent no ${name}`);
    return found[1];
  }

  // As Node's own server has them.
  get named() {
    return Object.fromEntries(this.headers.map(([name, value]) => [name.toLowerCase(), value]));
  }

  // As fetch and those that keep to it have it.
  request() {
    return new Request(this.url, { method: this.method, headers: this.headers, body: this.body });
  }

  // With a header in place of the one it had.
  with(name, value) {
    const others = this.headers.filter(([other]) => other.toLowerCase() !== name);
    return new Delivery({ ...this.plain(), headers: [...others, [name, value]] });
  }

  plain() {
    return {
      method: this.method,
      url: this.url,
      headers: this.headers,
      body: this.body.toString("base64"),
    };
  }
}
