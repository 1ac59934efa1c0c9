# tls.bash: a private certificate authority, made with openssl when a test needs it. Needs process.bash's WORK.
#
# All of it is PEM in $WORK/tls: ca.pem (trusted), other-ca.pem (not), and for each name a certificate, its key, and both
# in one file:
#   server    made out to localhost, 127.0.0.1 and ::1
#   expired   the same, since yesterday no longer valid
#   wrong     made out to wrong.example
#   unknown   made out to localhost, by the other authority
#   client    CN=client, for clients; stranger: the same by the other authority
# NAME.crt, NAME.key (PKCS#8, unencrypted), NAME.pem.
# shellcheck shell=bash

TLS_NAMES='DNS:localhost,IP:127.0.0.1,IP:::1'

tls_make() {
    TLS=$WORK/tls
    export TLS
    [ ! -e "$TLS/client.pem" ] || return 0
    mkdir -p "$TLS"
    {
        tls_ca ca && tls_ca other-ca &&
            tls_issue ca server "$TLS_NAMES" 30 &&
            tls_issue ca expired "$TLS_NAMES" expired &&
            tls_issue ca wrong DNS:wrong.example 30 &&
            tls_issue other-ca unknown "$TLS_NAMES" 30 &&
            tls_issue other-ca stranger DNS:stranger 30 &&
            tls_issue ca client DNS:client 30
    } >"$TLS/log" 2>&1 || {
        cat "$TLS/log" >&2
        return 1
    }
}

tls_key() { # FILE
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
}

tls_ca() { # NAME
    tls_key "$TLS/$1.key" &&
        openssl req -x509 -new -key "$TLS/$1.key" -subj "/CN=$1" -days 30 -out "$TLS/$1.pem" \
            -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

# DAYS "expired": valid for a day that ended a day ago.
tls_issue() { # CA NAME SUBJECT_ALTERNATIVE_NAMES DAYS
    local dates=(-days "$4")
    tls_key "$TLS/$2.key" &&
        openssl req -new -key "$TLS/$2.key" -subj "/CN=$2" -out "$TLS/$2.csr" || return
    if [ "$4" = expired ]; then
        # `openssl x509` cannot date back, `openssl ca` can
        : >"$TLS/index"
        echo 01 >"$TLS/serial"
        openssl ca -batch -config <(tls_ca_config "$1" "$3") -in "$TLS/$2.csr" -out "$TLS/$2.crt" -notext \
            -startdate "$(date -u -d '2 days ago' +%Y%m%d%H%M%SZ)" \
            -enddate "$(date -u -d '1 day ago' +%Y%m%d%H%M%SZ)" || return
    else
        openssl x509 -req -in "$TLS/$2.csr" -CA "$TLS/$1.pem" -CAkey "$TLS/$1.key" -CAcreateserial "${dates[@]}" \
            -extfile <(echo "subjectAltName=$3") -out "$TLS/$2.crt" || return
    fi
    cat "$TLS/$2.crt" "$TLS/$2.key" >"$TLS/$2.pem"
}

tls_ca_config() { # CA SUBJECT_ALTERNATIVE_NAMES
    cat <<CONFIG
[ca]
default_ca = it
[it]
dir = $TLS
database = $TLS/index
serial = $TLS/serial
new_certs_dir = $TLS
certificate = $TLS/$1.pem
private_key = $TLS/$1.key
default_md = sha256
policy = any
x509_extensions = extensions
[any]
commonName = supplied
[extensions]
subjectAltName = $2
CONFIG
}
