// SPDX-License-Identifier: BSD-3-Clause

// Package sitebound encodes a client error report as a DNS name (envelope, version 1), and asks for it.
//
// One file, Go 1.19 or newer, nothing but the standard library: copy it into an application.
//
//	name, err := sitebound.Encode("r.example.net", sitebound.Fields{
//		"error.code": 1407, "error.type": "tcp.timed_out", "service.name": "login"}, nil, nil, nil)
//	if err == nil {
//		outcome := sitebound.Send(ctx, name)
//	}
//
// Fields have the names that the log lines have (../README.md lists them), but for two: "duration_ms" is
// the time in milliseconds, and "raw.N" is TLV type N as octets.
package sitebound

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"net/netip"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

var errorTypes = []string{
	"unknown", "ok", "abandoned", "dns.unreachable", "dns.name_not_resolved", "dns.failed",
	"dns.address_changed", "tcp.timed_out", "tcp.closed", "tcp.reset", "tcp.refused",
	"tcp.aborted", "tcp.address_invalid", "tcp.address_unreachable", "tcp.failed",
	"tls.version_or_cipher_mismatch", "tls.bad_client_auth_cert", "tls.cert.name_invalid",
	"tls.cert.date_invalid", "tls.cert.authority_invalid", "tls.cert.invalid",
	"tls.cert.revoked", "tls.cert.pinned_key_not_in_cert_chain", "tls.protocol.error",
	"tls.failed", "http.error", "http.protocol.error", "http.response.invalid",
	"http.response.redirect_loop", "http.failed"}

var osTypes = []string{"linux", "macos", "windows", "ios", "android", "unix"}
var access = []string{"wifi", "cellular", "ethernet", "vpn", "other"}

type row struct {
	field string
	tlv   int
	// how the value is written: in the error types, OS types and kinds of access, as a number
	kind string
	// octets that it has at most
	most int
}

var table = []row{
	{"error.code", 1, "code", 32},
	{"error.code", 2, "uint", 4},
	{"error.type", 3, "error", 4},
	{"service.name", 4, "text", 255},
	{"user_agent.name", 5, "text", 255},
	{"user_agent.version", 6, "text", 255},
	{"user_agent.os.type", 7, "os", 4},
	{"user_agent.os.version", 8, "text", 255},
	{"device.model.identifier", 9, "text", 255},
	{"sitebound.access", 10, "access", 4},
	{"duration_ms", 11, "uint", 4},
	{"server.ip", 12, "address", 16},
	{"server.port", 13, "uint", 2},
	{"http.response.status_code", 14, "uint", 2},
	{"event.start", 15, "uint", 4},
	{"error.message", 16, "text", 255},
	{"sitebound.install_id", 17, "id", 8},
	{"sitebound.sample_rate", 18, "uint", 8},
	{"sitebound.count", 19, "uint", 8},
	{"client.geo.country_iso_code", 20, "country", 2},
	{"server.domain", 21, "text", 255},
	{"sitebound.attempt", 22, "uint", 2},
	{"network.application", 23, "text", 255},
	{"labels.", 31, "label", 255},
}

// Fields are the names and values of a report: strings, whole numbers, and octets ([]byte) for
// sitebound.install_id and raw.N. They are sent in the order of their TLV types.
type Fields map[string]any

// Part says that a name is part Index, from 0, of Total. Part 0 has the error.code.
type Part struct{ Index, Total int }

// Key is a key that the zone knows.
type Key struct {
	ID     int
	Octets []byte
}

// ReportError says what was refused.
type ReportError struct{ message string }

func (e *ReportError) Error() string { return e.message }

func refuse(format string, arguments ...any) error {
	return &ReportError{fmt.Sprintf(format, arguments...)}
}

var (
	number   = regexp.MustCompile(`^(0|[1-9][0-9]{0,18})\z`)
	code     = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,32}\z`)
	country  = regexp.MustCompile(`^[A-Za-z]{2}\z`)
	labelKey = regexp.MustCompile(`^[a-z][a-z0-9_]{0,15}\z`)
	label    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,15}=`)
	zoneName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\z`)
)

// text is what a string or a whole number is as a text.
func text(field string, value any) (string, error) {
	switch value := value.(type) {
	case string:
		if !utf8.ValidString(value) {
			return "", refuse("%s: not UTF-8", field)
		}
		return value, nil
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return fmt.Sprint(value), nil
	}
	return "", refuse("%s: %v is no value", field, value)
}

// octets are a value that is octets, or their hexadecimal digits.
func octets(field string, value any) ([]byte, error) {
	switch value := value.(type) {
	case []byte:
		return value, nil
	case string:
		if octets, err := hex.DecodeString(value); err == nil {
			return octets, nil
		}
	}
	return nil, refuse("%s: %v are no octets", field, value)
}

// uintOctets is a number in big-endian octets; zero is no octet.
func uintOctets(field, digits string) ([]byte, error) {
	if !number.MatchString(digits) {
		return nil, refuse("%s: %q is no whole number", field, digits)
	}
	value, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return nil, refuse("%s: %s is out of range", field, digits)
	}
	return bytes.TrimLeft(binary.BigEndian.AppendUint64(nil, value), "\x00"), nil
}

// wordOctets is the number of a word; other numbers are "typeN" or N.
func wordOctets(field, value string, words []string, first int) ([]byte, error) {
	for i, word := range words {
		if word == value {
			return uintOctets(field, strconv.Itoa(first+i))
		}
	}
	return uintOctets(field, strings.TrimPrefix(value, "type"))
}

// isValue says whether octets are a value of a TLV type, as the decoder sees it.
func isValue(tlv int, value []byte) bool {
	for _, known := range table {
		if known.tlv != tlv {
			continue
		}
		switch known.kind {
		case "code":
			return code.Match(value)
		case "uint", "error", "os", "access":
			return len(value) <= known.most && (len(value) < 2 || value[0] != 0) && (len(value) < 8 || value[0] < 0x80)
		case "address":
			return len(value) == 4 || len(value) == 16
		case "id":
			return len(value) >= 4 && len(value) <= known.most
		case "country":
			return country.Match(value)
		case "label":
			return label.Match(value)
		}
	}
	return len(value) <= 255
}

// encodeField gives the TLV type and the octets of a field.
func encodeField(field string, value any) (int, []byte, error) {
	if strings.HasPrefix(field, "raw.") {
		tlv, err := strconv.Atoi(field[4:])
		if err != nil || tlv < 1 || tlv > 31 || strconv.Itoa(tlv) != field[4:] {
			return 0, nil, refuse("%s: the type must be from 1 to 31", field)
		}
		value, err := octets(field, value)
		return tlv, value, err
	}
	if field == "sitebound.install_id" {
		value, err := octets(field, value)
		return 17, value, err
	}
	text, err := text(field, value)
	if err != nil {
		return 0, nil, err
	}
	if field == "error.code" {
		if octets, err := uintOctets(field, text); err == nil && len(octets) <= 4 {
			return 2, octets, nil
		}
		return 1, []byte(text), nil
	}
	if strings.HasPrefix(field, "labels.") {
		if !labelKey.MatchString(field[7:]) {
			return 0, nil, refuse("%s: no key", field)
		}
		return 31, []byte(field[7:] + "=" + text), nil
	}
	for _, known := range table {
		if known.field != field {
			continue
		}
		octets := []byte(text)
		switch known.kind {
		case "uint":
			octets, err = uintOctets(field, text)
		case "error":
			octets, err = wordOctets(field, text, errorTypes, 0)
		case "os":
			octets, err = wordOctets(field, text, osTypes, 1)
		case "access":
			octets, err = wordOctets(field, text, access, 1)
		case "address":
			address, bad := netip.ParseAddr(text)
			if bad != nil || address.Zone() != "" {
				return 0, nil, refuse("%s: %q is no address", field, text)
			}
			octets = address.AsSlice()
		}
		return known.tlv, octets, err
	}
	return 0, nil, refuse("%s is no field of a report", field)
}

// encodeFields gives the TLVs in the order of their types, and whether there is an error.code.
func encodeFields(fields Fields) ([]byte, bool, error) {
	type encoded struct {
		tlv    int
		octets []byte
	}
	var all []encoded
	var stream []byte
	seen := map[string]bool{}
	for field, value := range fields {
		tlv, octets, err := encodeField(field, value)
		if err != nil {
			return nil, false, err
		}
		if !isValue(tlv, octets) {
			return nil, false, refuse("%s: %v is not allowed", field, value)
		}
		// 1 and 2 are one field; a label is known by its key
		known := strconv.Itoa(tlv)
		if tlv == 31 {
			known, _, _ = strings.Cut(string(octets), "=")
		} else if tlv == 1 {
			known = "2"
		}
		if seen[known] {
			return nil, false, refuse("%s: is there twice", field)
		}
		seen[known] = true
		all = append(all, encoded{tlv, octets})
	}
	sort.Slice(all, func(a, b int) bool {
		if all[a].tlv != all[b].tlv {
			return all[a].tlv < all[b].tlv
		}
		return string(all[a].octets) < string(all[b].octets)
	})
	for _, one := range all {
		if len(one.octets) < 7 {
			stream = append(stream, byte(one.tlv<<3|len(one.octets)))
		} else {
			stream = append(stream, byte(one.tlv<<3|7), byte(len(one.octets)))
		}
		stream = append(stream, one.octets...)
	}
	return stream, seen["2"], nil
}

// labels cuts a text into labels of at most 63 characters. None but the first begins with "e" and a digit:
// resolvers may ask for the labels on the right alone, and that would look like a whole report.
func labels(text string) string {
	var cut strings.Builder
	for len(text) > 63 {
		size := 63
		if text[size] == 'e' && size+1 < len(text) && text[size+1] >= '0' && text[size+1] <= '9' {
			size--
		}
		cut.WriteString(text[:size] + ".")
		text = text[size:]
	}
	return cut.String() + text
}

// Encode gives the name of a report, with its final dot.
//
// zone is the report zone. nonce is 4 octets, or nil for random ones: a new one for each report, the
// same for its parts. part and key may be nil. The error is a *ReportError for everything that is refused.
func Encode(zone string, fields Fields, nonce []byte, part *Part, key *Key) (string, error) {
	zone = strings.TrimSuffix(zone, ".")
	if !zoneName.MatchString(zone) {
		return "", refuse("%q is no zone", zone)
	}
	if nonce == nil {
		nonce = make([]byte, 4)
		if _, err := rand.Read(nonce); err != nil {
			return "", err
		}
	}
	if len(nonce) != 4 {
		return "", refuse("a nonce has 4 octets")
	}
	stream := append([]byte{0}, nonce...)
	if part != nil {
		if part.Index < 0 || part.Index >= part.Total || part.Total > 16 {
			return "", refuse("part %d of %d", part.Index, part.Total)
		}
		stream[0] |= 0x80
		stream = append(stream, byte(part.Index<<4|(part.Total-1)))
	}
	if key != nil {
		if key.ID < 0 || key.ID > 255 {
			return "", refuse("the number of a key is from 0 to 255")
		}
		if len(key.Octets) < 16 || len(key.Octets) > 64 {
			return "", refuse("a key has 16 to 64 octets")
		}
		stream[0] |= 0x40
		stream = append(stream, byte(key.ID))
	}
	tlvs, coded, err := encodeFields(fields)
	if err != nil {
		return "", err
	}
	if !coded && (part == nil || part.Index == 0) {
		return "", refuse("the error.code is missing")
	}
	stream = append(stream, tlvs...)
	if key != nil {
		mac := hmac.New(sha256.New, key.Octets)
		mac.Write(stream)
		mac.Write([]byte(strings.ToLower(zone)))
		stream = append(stream, mac.Sum(nil)[:8]...)
	} else {
		stream = binary.BigEndian.AppendUint32(stream, crc32.ChecksumIEEE(stream))
	}
	base := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(stream)
	name := labels("e1"+strings.ToLower(base)) + "." + zone
	if len(name) > 253 {
		return "", refuse("the name is %d characters too long", len(name)-253)
	}
	return name + ".", nil
}

// What Send tells of a report.
const (
	Arrived = "arrived" // the zone's acknowledgement came, with the nonce of the report
	Unknown = "unknown" // an answer without it: the zone refuses the name, or the answer is not the zone's
	Failed  = "failed"  // an error, or no answer: send the same name again later
)

// Send asks the system's resolver for the TXT records of a name, and returns Arrived, Unknown or Failed. How
// long it takes is for the context to say: context.WithTimeout(ctx, 5*time.Second).
func Send(ctx context.Context, name string) string {
	var octets []byte
	if len(name) > 10 {
		octets, _ = base32.StdEncoding.DecodeString(strings.ToUpper(name[2:10]))
	}
	texts, err := net.DefaultResolver.LookupTXT(ctx, name)
	var dnsError *net.DNSError
	if err != nil {
		if errors.As(err, &dnsError) && dnsError.IsNotFound {
			return Unknown
		}
		return Failed
	}
	for _, text := range texts {
		if len(octets) == 5 && strings.HasPrefix(text, "ok "+hex.EncodeToString(octets[1:])+"-") {
			return Arrived
		}
	}
	return Unknown
}
