#!/bin/sh
# Makes the files in deploy/secrets that are not there yet, and deploy/.env with the client token's digest.
set -eu
cd "$(dirname "$0")"

# Only you can enter the folder. The files are readable, because a container's own user reads them.
mkdir -p secrets
chmod 700 secrets

make() {
    [ -e "secrets/$1" ] || printf %s "$2" >"secrets/$1"
    chmod 644 "secrets/$1"
}

make client-token "$(openssl rand -base64 32)"
make acmepay "whsec_$(openssl rand -base64 32)"
make idcheck "$(openssl rand -hex 32)"

# The digest of 256 random bits gives nothing away: compose hands it to the gateway.
echo "TOKEN_SHA256=$(openssl dgst -sha256 -r secrets/client-token | cut -d ' ' -f 1)" >.env

echo "deploy/secrets and deploy/.env are ready."
echo "Replace deploy/secrets/acmepay and deploy/secrets/idcheck by what your providers show you."
