# One image, two targets: `gateway` (the default) and `services`. It holds no secret and no setting.

FROM python:3.13-slim-bookworm AS build
# uv from PyPI, the version of uv.lock.
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /app
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
# The packages change less often than the code, so they are a layer of their own.
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --frozen --no-cache --no-default-groups --extra server --extra traces --group services --no-install-project
COPY gateway gateway
RUN uv sync --frozen --no-cache --no-default-groups --extra server --extra traces --group services --no-editable


FROM python:3.13-slim-bookworm AS base
# The ledger and the signing keys live here: mount a volume.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin app \
    && install -d -o app -g app -m 700 /var/lib/gateway
WORKDIR /app
COPY --from=build /app/.venv .venv
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1
USER 10001


FROM base AS services
COPY services services
EXPOSE 9080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9080/health', timeout=2)"]
# Exec form: the program itself is process 1 and gets the SIGTERM.
CMD ["python", "-m", "services", "--bind", "0.0.0.0:9080"]


FROM base AS gateway
ENV GATEWAY_CONFIG=/etc/gateway/gateway.toml
VOLUME /var/lib/gateway
EXPOSE 8000 8001
# Alive, not ready: a gateway whose ledger is away answers 503 and must not be restarted for it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
CMD ["python", "-m", "gateway", "serve"]
