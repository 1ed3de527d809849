#!/usr/bin/env bash
# Checks what the QR code of a certificate says, without a network and without this program: with the published
# certificates of the signing keys (GET /verification/keys) and openssl. docs/signatures.md describes the bytes.
#
#   scripts/verify-statement.sh keys.pem "$(zbarimg -q --raw scan.png)"
set -euo pipefail
[ "$#" -eq 2 ] || { echo "usage: $0 KEYS.PEM STATEMENT-OR-ADDRESS" >&2; exit 2; }
keys="$1"
text="$(printf '%s' "$2" | tr '[:lower:]' '[:upper:]')"
text="${text##*/V/}"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

# Base32 without padding; the last 64 bytes are the signature (r, s).
padding=$(((8 - ${#text} % 8) % 8))
printf '%s%.*s' "$text" "$padding" "======" | base32 -d >"$folder/all" 2>/dev/null ||
  { echo "this is not the statement of a certificate" >&2; exit 1; }
size=$(($(wc -c <"$folder/all") - 64))
[ "$size" -ge 43 ] || { echo "this is not the statement of a certificate" >&2; exit 1; }
head -c "$size" "$folder/all" >"$folder/said"
hex() { tail -c "+$(($2 + 1))" "$1" | head -c "$3" | od -An -v -tx1 | tr -d ' \n'; }
number() { echo $((16#$(hex "$folder/said" "$1" "$2"))); }
day() { date -u -d "@$(($1 * 86400))" +%F; }

printf 'asn1=SEQUENCE:s\n[s]\nr=INTEGER:0x%s\ns=INTEGER:0x%s\n' \
  "$(hex "$folder/all" "$size" 32)" "$(hex "$folder/all" "$((size + 32))" 32)" >"$folder/signature.cnf"
openssl asn1parse -genconf "$folder/signature.cnf" -noout -out "$folder/signature"

# One file for each certificate; the right one is known by its key.
awk -v folder="$folder" '/-BEGIN CERTIFICATE-/ { n++ } n { print > (folder "/" n ".pem") }' "$keys"
for certificate in "$folder"/*.pem; do
  openssl x509 -in "$certificate" -pubkey -noout >"$folder/public" 2>/dev/null || continue
  if openssl dgst -sha256 -verify "$folder/public" -signature "$folder/signature" "$folder/said" >/dev/null 2>&1; then
    code="$(number 41 1)"
    name="$(number $((42 + code)) 1)"
    echo "valid, signed by the key $(hex "$folder/said" 1 8)"
    printf 'certificate   %017d, version %d, %d products\n' "$(number 9 8)" "$(number 17 2)" "$(number 19 2)"
    echo "valid         $(day "$(number 21 2)") to $(day "$(number 23 2)")"
    echo "holder        $(tail -c "+43" "$folder/said" | head -c "$code") $(tail -c "+$((44 + code))" "$folder/said" | head -c "$name" | iconv -f GB18030)"
    echo "sheet         $(hex "$folder/said" 25 16)"
    exit 0
  fi
done
echo "NOT valid: none of these keys signed this statement" >&2
exit 1
