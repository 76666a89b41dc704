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
  user_agent.os.version device.model.identifier sitebound.access duration_ms server.ip
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
OS_TYPES='linux macos windows ios android unix'
ACCESS='wifi cellular ethernet vpn other'

# field, TLV type, how its value is written (as one of the words above: a number), octets at most
FIELDS='error.code 1 code 32
error.code 2 uint 4
error.type 3 error 4
service.name 4 text 255
user_agent.name 5 text 255
user_agent.version 6 text 255
user_agent.os.type 7 os 4
user_agent.os.version 8 text 255
device.model.identifier 9 text 255
sitebound.access 10 access 4
duration_ms 11 uint 4
server.ip 12 address 16
server.port 13 uint 2
http.response.status_code 14 uint 2
event.start 15 uint 4
error.message 16 text 255
sitebound.install_id 17 id 8
sitebound.sample_rate 18 uint 8
sitebound.count 19 uint 8
client.geo.country_iso_code 20 country 2
server.domain 21 text 255
sitebound.attempt 22 uint 2
network.application 23 text 255
labels. 31 label 255'

# look_up FIELD TYPE: set number, kind and most of the one or the other.
look_up() {
	while read -r known number kind most; do
		if [ "$known" = "$1" ] || [ "$number" = "$2" ]; then
			return 0
		fi
	done <<EOF
$FIELDS
EOF
	kind=none most=255
	return 1
}

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

# Big-endian, no leading zero octet; zero is no octet.
hex_uint() {
	case $1 in
	'' | *[!0-9]* | 0?*) die "$field: \"$1\" is no number" ;;
	????????????????????*) die "$field: $1 is out of range" ;;
	???????????????????)
		high=${1%??????????}
		if [ "$high" -gt 922337203 ] || { [ "$high" -eq 922337203 ] && [ "${1#?????????}" -gt 6854775807 ]; }; then
			die "$field: $1 is out of range"
		fi ;;
	esac
	[ "$1" -ne 0 ] || return 0
	digits=$(printf '%x' "$1")
	if [ $((${#digits} % 2)) -eq 1 ]; then
		digits=0$digits
	fi
	printf '%s' "$digits"
}

# hex_word VALUE FIRST WORDS: the number of a word in a list.
hex_word() {
	index=$2
	for word in $3; do
		if [ "$word" = "$1" ]; then
			hex_uint "$index"
			return 0
		fi
		index=$((index + 1))
	done
	hex_uint "${1#type}"
}

hex_ip4() {
	rest=$1.
	count=0
	while [ -n "$rest" ]; do
		octet=${rest%%.*}
		rest=${rest#*.}
		case $octet in
		'' | *[!0-9]* | 0?* | ????*) die "$field: \"$1\" is no IP address" ;;
		esac
		if [ "$octet" -gt 255 ]; then
			die "$field: \"$1\" is no IP address"
		fi
		printf '%02x' "$octet"
		count=$((count + 1))
	done
	if [ "$count" -ne 4 ]; then
		die "$field: \"$1\" is no IP address"
	fi
}

# Add groups of an IPv6 address to hex, and their number to count.
hex_groups() {
	rest=${1:+$1:}
	while [ -n "$rest" ]; do
		group=${rest%%:*}
		rest=${rest#*:}
		case $group in
		'' | *[!0-9A-Fa-f]* | ?????*) die "$field: no IP address" ;;
		esac
		hex=$hex$(printf '%04x' "0x$group")
		count=$((count + 1))
	done
}

hex_ip() {
	case $1 in
	*:*.*)
		# the dotted end of an IPv6 address is two groups
		end=$(hex_ip4 "${1##*:}") || exit 2
		hex_ip "${1%:*}:${end%????}:${end#????}" ;;
	*:*)
		hex='' count=0
		hex_groups "${1%%::*}"
		case $1 in
		*::*)
			begin=$hex hex=''
			hex_groups "${1#*::}"
			[ "$count" -lt 8 ] || die "$field: \"$1\" is no IP address"
			while [ "$count" -lt 8 ]; do
				begin=${begin}0000
				count=$((count + 1))
			done
			hex=$begin$hex ;;
		esac
		[ "$count" -eq 8 ] || die "$field: \"$1\" is no IP address"
		printf '%s' "$hex" ;;
	*) hex_ip4 "$1" ;;
	esac
}

# Whether octets are UTF-8.
is_utf8() {
	rest=$1
	while [ -n "$rest" ]; do
		case $rest in
		[0-7]*) rest=${rest#??} ;;
		c[2-9a-f][89ab]* | d?[89ab]*) rest=${rest#????} ;;
		e0[ab]?[89ab]* | e[1-9abcef][89ab]?[89ab]* | ed[89]?[89ab]*) rest=${rest#??????} ;;
		f0[9ab]?[89ab]?[89ab]* | f[123][89ab]?[89ab]?[89ab]* | f48?[89ab]?[89ab]*) rest=${rest#????????} ;;
		*) return 1 ;;
		esac
	done
}

# Set label_key to the octets before the "="; false when they are no key.
is_label() {
	rest=$1 label_key=''
	while :; do
		case $rest in
		3d*) break ;;
		6[1-9a-f]* | 7[0-9a]*) ;;
		3[0-9]* | 5f*) [ -n "$label_key" ] || return 1 ;;
		*) return 1 ;;
		esac
		tail=${rest#??}
		label_key=$label_key${rest%"$tail"}
		rest=$tail
	done
	[ -n "$label_key" ] && [ ${#label_key} -le 32 ]
}

# is_value TYPE VALUE: whether that is a value of the TLV type, as the decoder sees it.
is_value() {
	look_up - "$1" || :
	[ ${#2} -le $((most * 2)) ] || return 1
	case $kind in
	uint | error | os | access)
		case $2 in
		00) ;;
		00* | [89a-f]???????????????) return 1 ;;
		esac ;;
	code)
		[ -n "$2" ] || return 1
		for octet in $(octets "$2"); do
			case $octet in
			45 | 46 | 4[89] | 5[0-8] | 6[5-9] | [78]? | 90 | 95 | 9[789] | 10? | 11? | 12[012]) ;;
			*) return 1 ;;
			esac
		done ;;
	address) [ ${#2} -eq 8 ] || [ ${#2} -eq 32 ] ;;
	id) [ ${#2} -ge 8 ] ;;
	country)
		case $2 in
		[46][1-9a-f][46][1-9a-f] | [57][0-9a][46][1-9a-f] | [46][1-9a-f][57][0-9a] | [57][0-9a][57][0-9a]) ;;
		*) return 1 ;;
		esac ;;
	label) is_label "$2" ;;
	esac
}

# Set type and value (hexadecimal digits) of the field.
encode_field() {
	case $field in
	raw.* | sitebound.install_id)
		type=${field#raw.} value=$(printf '%s' "$2" | tr A-F a-f)
		case $field in
		raw.[1-9] | raw.[12][0-9] | raw.3[01]) ;;
		sitebound.install_id) type=17 ;;
		*) die "$field: the type must be from 1 to 31" ;;
		esac
		is_hex "$value" || die "$field: not in hexadecimal digits"
		return 0 ;;
	labels.*)
		type=31 kind=label value=$(hex_text "${field#labels.}=$2")
		is_label "$(hex_text "${field#labels.}")3d" || die "$field: no key" ;;
	error.code)
		type=1 kind=code
		case $2 in
		*[!0-9]* | '' | 0?* | ???????????*) ;;
		*) if [ "$2" -le 4294967295 ]; then
			type=2 kind=uint
		fi ;;
		esac ;;
	*)
		look_up "$field" - || die "$field is no field of a report"
		type=$number ;;
	esac
	case $kind in
	uint) value=$(hex_uint "$2") ;;
	error) value=$(hex_word "$2" 0 "$ERROR_TYPES") ;;
	os) value=$(hex_word "$2" 1 "$OS_TYPES") ;;
	access) value=$(hex_word "$2" 1 "$ACCESS") ;;
	address) value=$(hex_ip "$2") ;;
	label) ;;
	*) value=$(hex_text "$2") ;;
	esac
	case $kind in
	text | label) is_utf8 "$value" || die "$field: not UTF-8" ;;
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
	[znpk]) [ -n "$OPTARG" ] || die "-$option: is empty" ;;
	esac
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
rest=$zone.
while [ -n "$rest" ]; do
	label=${rest%%.*}
	rest=${rest#*.}
	[ ${#label} -le 63 ] || die "\"$zone\" is no zone"
done
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
	is_value "$type" "$value" || die "$argument: not allowed"
	# 1 and 2 are one field; a label is known by its key
	known=$type
	case $type in
	1 | 2) known=code ;;
	31) known=label.$label_key ;;
	esac
	case $seen in
	*" $known "*) die "$field: is there twice" ;;
	esac
	seen="$seen$known "
	size=$((${#value} / 2))
	if [ "$size" -lt 7 ]; then
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
