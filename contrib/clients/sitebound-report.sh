#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Encode a client error report as a DNS name (envelope, version 1), and ask for it.
# Needs a POSIX shell and od; openssl for -k; dig, drill, host, nslookup or getent for -s.
set -eu
LC_ALL=C
export LC_ALL

usage() {
	cat <<'EOF'
usage: sitebound-report.sh -z ZONE [-n NONCE] [-p INDEX/TOTAL] [-k NUMBER:HEX] [-s] FIELD=VALUE ...
Prints the name of a client error report.
  -z ZONE         report zone
  -n NONCE        8 hexadecimal digits; default random
  -p INDEX/TOTAL  part INDEX (from 0) of TOTAL
  -k NUMBER:HEX   a key of the zone; other users may see it in the list of processes
  -s              ask for the name as well (TXT), and print what came of it: arrived, failed or
                  unknown (an answer without an acknowledgement)
Fields: error.code error.type service.name user_agent.name user_agent.version user_agent.os.type
  user_agent.os.version device.model.identifier sitebound.access duration_ms server.ip (IPv4)
  server.port http.response.status_code event.start error.message sitebound.install_id
  sitebound.sample_rate sitebound.count client.geo.country_iso_code server.domain
  sitebound.attempt network.application labels.KEY, and raw.TYPE in hexadecimal digits
Exit: 0; 2 usage; with -s: 0 arrived, 1 failed, 3 unknown.
EOF
}

die() {
	printf 'sitebound-report: %s\n' "$1" >&2
	exit 2
}

ERROR_TYPES='unknown ok abandoned dns.unreachable dns.name_not_resolved dns.failed
dns.address_changed tcp.timed_out tcp.closed tcp.reset tcp.refused tcp.aborted tcp.address_invalid
tcp.address_unreachable tcp.failed tls.version_or_cipher_mismatch tls.bad_client_auth_cert
tls.cert.name_invalid tls.cert.date_invalid tls.cert.authority_invalid tls.cert.invalid
tls.cert.revoked tls.cert.pinned_key_not_in_cert_chain tls.protocol.error tls.failed http.error
http.protocol.error http.response.invalid http.response.redirect_loop http.failed'
OS_TYPES='- linux macos windows ios android unix'
ACCESS='- wifi cellular ethernet vpn other'

# Texts to hexadecimal digits.
hex_text() {
	printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'
}

is_hex() {
	case $1 in
	*[!0-9a-fA-F]*) return 1 ;;
	esac
	[ $((${#1} % 2)) -eq 0 ]
}

# hex_uint NUMBER OCTETS: big-endian, no leading zero octet; zero is no octet.
hex_uint() {
	case $1 in
	'' | *[!0-9]* | 0?*) die "$field: \"$1\" is no number" ;;
	esac
	if [ ${#1} -gt 15 ]; then
		die "$field: $1 is out of range"
	fi
	[ "$1" -ne 0 ] || return 0
	digits=$(printf '%x' "$1")
	if [ $((${#digits} % 2)) -eq 1 ]; then
		digits=0$digits
	fi
	if [ ${#digits} -gt $(($2 * 2)) ]; then
		die "$field: $1 is out of range"
	fi
	printf '%s' "$digits"
}

# hex_word VALUE WORDS: the number of a word in a list.
hex_word() {
	number=0
	for word in $2; do
		if [ "$word" = "$1" ]; then
			hex_uint "$number" 4
			return 0
		fi
		number=$((number + 1))
	done
	hex_uint "${1#type}" 4
}

hex_ip4() {
	rest=$1.
	count=0
	while [ -n "$rest" ]; do
		octet=${rest%%.*}
		rest=${rest#*.}
		case $octet in
		'' | *[!0-9]* | 0?* | ????*) die "$field: \"$1\" is no IPv4 address (raw.12 takes IPv6)" ;;
		esac
		if [ "$octet" -gt 255 ]; then
			die "$field: \"$1\" is no IPv4 address"
		fi
		printf '%02x' "$octet"
		count=$((count + 1))
	done
	if [ "$count" -ne 4 ]; then
		die "$field: \"$1\" is no IPv4 address (raw.12 takes IPv6)"
	fi
}

# Set type and value (hexadecimal digits) of the field.
encode_field() {
	case $field in
	error.code)
		type=1
		case $2 in
		'' | *[!A-Za-z0-9._:-]*) die "error.code: \"$2\" is not allowed" ;;
		0 | [1-9] | [1-9][0-9]*)
			case $2 in
			*[!0-9]*) ;;
			*) if [ ${#2} -lt 10 ] || { [ ${#2} -eq 10 ] && [ "$2" -le 4294967295 ]; }; then
				type=2
			fi ;;
			esac ;;
		esac
		if [ ${#2} -gt 32 ]; then
			die "error.code: \"$2\" is too long"
		fi
		if [ "$type" -eq 2 ]; then
			value=$(hex_uint "$2" 4)
		else
			value=$(hex_text "$2")
		fi ;;
	error.type) type=3 value=$(hex_word "$2" "$ERROR_TYPES") ;;
	service.name) type=4 value=$(hex_text "$2") ;;
	user_agent.name) type=5 value=$(hex_text "$2") ;;
	user_agent.version) type=6 value=$(hex_text "$2") ;;
	user_agent.os.type) type=7 value=$(hex_word "$2" "$OS_TYPES") ;;
	user_agent.os.version) type=8 value=$(hex_text "$2") ;;
	device.model.identifier) type=9 value=$(hex_text "$2") ;;
	sitebound.access) type=10 value=$(hex_word "$2" "$ACCESS") ;;
	duration_ms) type=11 value=$(hex_uint "$2" 4) ;;
	server.ip) type=12 value=$(hex_ip4 "$2") ;;
	server.port) type=13 value=$(hex_uint "$2" 2) ;;
	http.response.status_code) type=14 value=$(hex_uint "$2" 2) ;;
	event.start) type=15 value=$(hex_uint "$2" 4) ;;
	error.message) type=16 value=$(hex_text "$2") ;;
	sitebound.install_id)
		type=17 value=$2
		if ! is_hex "$2" || [ ${#2} -lt 8 ] || [ ${#2} -gt 16 ]; then
			die "$field: must be 4 to 8 octets in hexadecimal digits"
		fi ;;
	sitebound.sample_rate) type=18 value=$(hex_uint "$2" 7) ;;
	sitebound.count) type=19 value=$(hex_uint "$2" 7) ;;
	client.geo.country_iso_code)
		type=20
		case $2 in
		[A-Za-z][A-Za-z]) value=$(hex_text "$2") ;;
		*) die "$field: must be two letters" ;;
		esac ;;
	server.domain) type=21 value=$(hex_text "$2") ;;
	sitebound.attempt) type=22 value=$(hex_uint "$2" 2) ;;
	network.application) type=23 value=$(hex_text "$2") ;;
	labels.*)
		type=31
		name=${field#labels.}
		case $name in
		[!a-z]* | *[!a-z0-9_]* | '' | ?????????????????*) die "$field: no key" ;;
		esac
		value=$(hex_text "$name=$2") ;;
	raw.*)
		type=${field#raw.} value=$2
		case $type in
		[1-9] | [12][0-9] | 3[01]) ;;
		*) die "$field: the type must be from 1 to 31" ;;
		esac
		is_hex "$2" || die "$field: not in hexadecimal digits" ;;
	*) die "$field is no field of a report" ;;
	esac
}

# Octets of a string of hexadecimal digits, as decimal numbers.
octets() {
	rest=$1
	while [ -n "$rest" ]; do
		tail=${rest#??}
		printf '%d ' "0x${rest%"$tail"}"
		rest=$tail
	done
}

# CRC-32 as zlib computes it, in hexadecimal digits.
crc32() {
	crc=4294967295
	for octet in $(octets "$1"); do
		crc=$((crc ^ octet))
		for _ in 0 1 2 3 4 5 6 7; do
			if [ $((crc & 1)) -eq 1 ]; then
				crc=$(((crc >> 1 & 2147483647) ^ 3988292384))
			else
				crc=$((crc >> 1 & 2147483647))
			fi
		done
	done
	printf '%08x' $((crc ^ 4294967295))
}

# mac STREAM ZONE KEY: the first 8 octets of HMAC-SHA-256, in hexadecimal digits.
mac() {
	format=
	for octet in $(octets "$1$(hex_text "$2")"); do
		format=$format$(printf '\\%03o' "$octet")
	done
	# shellcheck disable=SC2059 # the format is nothing but octal escapes
	digest=$(printf "$format" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$3") ||
		die 'openssl failed'
	digest=${digest##* }
	printf '%.16s' "$digest"
}

base32() {
	bits=0
	count=0
	for octet in $(octets "$1"); do
		bits=$(((bits << 8 | octet) & 65535))
		count=$((count + 8))
		while [ "$count" -ge 5 ]; do
			count=$((count - 5))
			letter $((bits >> count & 31))
		done
	done
	if [ "$count" -gt 0 ]; then
		letter $((bits << (5 - count) & 31))
	fi
}

letter() {
	if [ "$1" -lt 26 ]; then
		# shellcheck disable=SC2059 # an octal escape
		printf "\\$(printf '%03o' $(($1 + 97)))"
	else
		printf '%d' $(($1 - 24))
	fi
}

# Cut into labels. No label but the first may begin with "e" and a digit: a resolver may ask for the
# labels on the right alone, and that would look like a whole report.
labels() {
	rest=$1
	while [ ${#rest} -gt 63 ]; do
		label=$(printf '%.63s' "$rest")
		case ${rest#"$label"} in
		e[0-9]*) label=$(printf '%.62s' "$rest") ;;
		esac
		printf '%s.' "$label"
		rest=${rest#"$label"}
	done
	printf '%s.' "$rest"
}

ask() {
	if command -v dig >/dev/null 2>&1; then
		dig "$1" TXT
	elif command -v drill >/dev/null 2>&1; then
		drill "$1" TXT
	elif command -v host >/dev/null 2>&1; then
		host -t TXT "$1"
	elif command -v nslookup >/dev/null 2>&1; then
		nslookup -type=TXT "$1"
	elif command -v getent >/dev/null 2>&1; then
		# an address is the acknowledgement of ack-a; getent does not tell why there is none
		if getent ahostsv4 "$1"; then
			printf '"ok %s-"' "$nonce"
		else
			printf 'NOERROR'
		fi
	else
		die 'there is none of dig, drill, host, nslookup and getent'
	fi
}

# What the tools say of an answer: the acknowledgement has the nonce of the report; an answer without
# one is empty or NXDOMAIN; everything else is an error, or no answer.
outcome() {
	case $1 in
	*"\"ok $nonce-"*) echo arrived ;;
	*NOERROR* | *NXDOMAIN* | *'has no TXT record'* | *'No answer'*) echo unknown ;;
	*) echo failed ;;
	esac
}

zone='' nonce='' part='' key='' send=no
while getopts z:n:p:k:sh option; do
	case $option in
	z) zone=${OPTARG%.} ;;
	n) nonce=$OPTARG ;;
	p) part=$OPTARG ;;
	k) key=$OPTARG ;;
	s) send=yes ;;
	h)
		usage
		exit 0 ;;
	*)
		usage >&2
		exit 2 ;;
	esac
done
shift $((OPTIND - 1))
if [ -z "$zone" ] || [ $# -eq 0 ]; then
	usage >&2
	exit 2
fi
if [ -z "$nonce" ]; then
	nonce=$(od -An -v -N4 -tx1 /dev/urandom | tr -d ' \n')
fi
case .$zone. in
*..* | *[!A-Za-z0-9._-]*) die "\"$zone\" is no zone" ;;
esac
if ! is_hex "$nonce" || [ ${#nonce} -ne 8 ]; then
	die 'a nonce is 8 hexadecimal digits'
fi

flags=0
head=
if [ -n "$part" ]; then
	index=${part%/*}
	total=${part#*/}
	case $index,$total in
	,* | *, | *[!0-9,]* | 0?*,* | *,0* | *???*,* | *,???*) die "\"$part\" is no part" ;;
	esac
	if [ "$total" -lt 1 ] || [ "$total" -gt 16 ] || [ "$index" -ge "$total" ]; then
		die "\"$part\" is no part"
	fi
	flags=$((flags | 128))
	head=$(printf '%x%x' "$index" $((total - 1)))
fi
if [ -n "$key" ]; then
	number=${key%%:*}
	key=${key#*:}
	case $number in
	'' | *[!0-9]* | 0?* | ????*) die 'the number of a key is from 0 to 255' ;;
	esac
	if [ "$number" -gt 255 ] || ! is_hex "$key"; then
		die 'a key is NUMBER:HEX'
	fi
	if [ ${#key} -lt 32 ] || [ ${#key} -gt 128 ]; then
		die 'a key has 16 to 64 octets'
	fi
	flags=$((flags | 64))
	head=$head$(printf '%02x' "$number")
fi
nonce=$(printf '%s' "$nonce" | tr A-F a-f)
stream=$(printf '%02x' "$flags")$nonce$head
seen=' '
for argument in "$@"; do
	field=${argument%%=*}
	if [ "$field" = "$argument" ]; then
		die "\"$argument\" is not FIELD=VALUE"
	fi
	type='' value=''
	encode_field "$field" "${argument#*=}"
	# 1 and 2 are one field; a label is known by its key
	known=$type
	case $type in
	1 | 2) known=code ;;
	31) known=$field ;;
	esac
	case $seen in
	*" $known "*) die "$field: is there twice" ;;
	esac
	seen="$seen$known "
	size=$((${#value} / 2))
	if [ "$size" -gt 255 ]; then
		die "$field is too long"
	elif [ "$size" -lt 7 ]; then
		stream=$stream$(printf '%02x' $((type << 3 | size)))$value
	else
		stream=$stream$(printf '%02x%02x' $((type << 3 | 7)) "$size")$value
	fi
done
case $seen in
*' code '*) ;;
*)
	if [ -z "$part" ] || [ "$index" -eq 0 ]; then
		die 'the error.code is missing'
	fi ;;
esac
if [ -n "$key" ]; then
	stream=$stream$(mac "$stream" "$(printf '%s' "$zone" | tr '[:upper:]' '[:lower:]')" "$key")
else
	stream=$stream$(crc32 "$stream")
fi
name=$(labels "e1$(base32 "$stream")")$zone.
if [ ${#name} -gt 254 ]; then
	die "the name is $((${#name} - 254)) characters too long"
fi
printf '%s\n' "$name"
if [ "$send" = yes ]; then
	answer=$(ask "$name" 2>&1) || :
	outcome=$(outcome "$answer")
	printf '%s\n' "$outcome"
	case $outcome in
	failed) exit 1 ;;
	unknown) exit 3 ;;
	esac
fi
