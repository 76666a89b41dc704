// SPDX-License-Identifier: BSD-3-Clause

// The Go encoder for the tests: driver [--types | ARGUMENT...]; see ../encoders.py.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sitebound.test/sitebound"
)

var errUsage = errors.New("usage")

var partPattern = regexp.MustCompile(`^(0|[1-9][0-9]?)/([1-9][0-9]?)\z`)
var keyPattern = regexp.MustCompile(`^(0|[1-9][0-9]{0,2}):(.*)\z`)

func parse(given []string) (string, bool, error) {
	var zone string
	var nonce []byte
	var part *sitebound.Part
	var key *sitebound.Key
	var err error
	send := false
	for len(given) > 0 && len(given[0]) == 2 && given[0][0] == '-' {
		if given[0] == "-s" {
			send = true
			given = given[1:]
			continue
		}
		if len(given) < 2 {
			return "", false, errUsage
		}
		value := given[1]
		switch given[0] {
		case "-z":
			zone = value
		case "-n":
			nonce, err = hex.DecodeString(value)
		case "-p":
			match := partPattern.FindStringSubmatch(value)
			if match == nil {
				return "", false, errUsage
			}
			part = &sitebound.Part{}
			part.Index, _ = strconv.Atoi(match[1])
			part.Total, _ = strconv.Atoi(match[2])
		case "-k":
			match := keyPattern.FindStringSubmatch(value)
			if match == nil {
				return "", false, errUsage
			}
			key = &sitebound.Key{}
			key.ID, _ = strconv.Atoi(match[1])
			key.Octets, err = hex.DecodeString(match[2])
		}
		if err != nil {
			return "", false, err
		}
		given = given[2:]
	}
	fields := sitebound.Fields{}
	for _, argument := range given {
		field, value, found := strings.Cut(argument, "=")
		if _, twice := fields[field]; !found || twice {
			return "", false, errUsage
		}
		fields[field] = value
	}
	name, err := sitebound.Encode(zone, fields, nonce, part, key)
	return name, send, err
}

func types() {
	const zone = "r.example.net"
	count := 0
	check := func(what string, name string, err error) {
		var refused *sitebound.ReportError
		count++
		if !errors.As(err, &refused) || name != "" || err.Error() == "" {
			fmt.Println("accepted:", what)
		}
	}
	one := 1
	bad := []any{nil, true, 1.5, float32(2), []string{"x"}, map[string]int{}, &one, big.NewInt(1), []byte("x"), "\xff", "a\xed\xa0\x80",
		struct{}{}, time.Second, 'x' + 1i}
	for _, field := range []string{"error.code", "service.name", "server.ip", "server.port", "labels.x", "sitebound.access"} {
		for _, value := range bad {
			fields := sitebound.Fields{"error.code": 7}
			fields[field] = value
			name, err := sitebound.Encode(zone, fields, nil, nil, nil)
			check(fmt.Sprintf("%s %T", field, value), name, err)
		}
	}
	for _, fields := range []sitebound.Fields{nil, {}, {"error.code": 7, "raw.9": 5}, {"error.code": 7, "raw.9": nil},
		{"error.code": 7, "server.port": -1}, {"error.code": 7, "server.port": uint64(65536)}, {"error.code": 7, "sitebound.count": uint64(1 << 63)},
		{"error.code": 7, "raw.2": []byte{5}}, {"error.code": 7, "raw.1": "61"}, {"error.code": 7, "raw.31": []byte("a=1"), "labels.a": "x"}} {
		name, err := sitebound.Encode(zone, fields, nil, nil, nil)
		check(fmt.Sprint(fields), name, err)
	}
	good := sitebound.Fields{"error.code": 7}
	for _, part := range []sitebound.Part{{-1, 2}, {2, 2}, {0, 17}, {0, 0}, {0, -1}} {
		name, err := sitebound.Encode(zone, good, nil, &part, nil)
		check(fmt.Sprint(part), name, err)
	}
	for _, key := range []sitebound.Key{{-1, make([]byte, 16)}, {256, make([]byte, 16)}, {1, nil}, {1, make([]byte, 15)}, {1, make([]byte, 65)}} {
		name, err := sitebound.Encode(zone, good, nil, nil, &key)
		check(fmt.Sprint("key ", key.ID, len(key.Octets)), name, err)
	}
	name, err := sitebound.Encode(zone, good, []byte{}, nil, nil)
	check("nonce", name, err)
	all := sitebound.Fields{"error.code": int32(7), "sitebound.count": uint64(1<<63 - 1), "raw.9": []byte{0, 0, 0}}
	if _, err := sitebound.Encode(zone, all, nil, nil, nil); err != nil {
		fmt.Println(err)
	}
	fmt.Println(count)
}

func batch() {
	lines := bufio.NewScanner(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for lines.Scan() {
		var given []string
		for _, digits := range strings.Split(lines.Text(), " ") {
			octets, _ := hex.DecodeString(digits)
			given = append(given, string(octets))
		}
		name, _, err := parse(given)
		if err != nil {
			name = "! " + strings.ReplaceAll(err.Error(), "\n", " ")
		}
		fmt.Fprintln(out, name)
	}
}

func main() {
	if len(os.Args) == 1 {
		batch()
		return
	}
	if os.Args[1] == "--types" {
		types()
		return
	}
	name, send, err := parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	fmt.Println(name)
	if send {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		outcome := sitebound.Send(ctx, name)
		fmt.Println(outcome)
		os.Exit(map[string]int{sitebound.Arrived: 0, sitebound.Failed: 1, sitebound.Unknown: 3}[outcome])
	}
}
