/* SPDX-License-Identifier: BSD-3-Clause */
/* The line writer: the input is a name in front of one of four zones and an observer's name. What
 * comes out is one line of JSON, at most 4,096 octets, whatever went in. */
#include <jansson.h>
#include <zlib.h>

#include "fuzz_report.h"

static const struct {
	const char *wire;
	size_t len;
} zones[] = {
	{"\001r\007example\003net", 15},
	{"\001e\007example\003net", 15},
	{"\003_er\002er\007example\003net", 20},
	{"\001z", 3},
};

/** The labels of a good envelope around the input. */
static size_t envelope(const uint8_t *data, size_t size, uint8_t *wire)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t stream[160] = {0, 1, 2, 3, 4, 0x11, 5}, text[300] = {'e', '1'};
	size_t len = 2, from, at = 0, i;
	unsigned bits = 0, bit_count = 0;
	uint32_t crc;

	if (size > 120)
		size = 120;
	memcpy(stream + 7, data, size);
	crc = (uint32_t)crc32(0, stream, (uInt)(7 + size));
	for (i = 0; i < 4; i++)
		stream[7 + size + i] = (uint8_t)(crc >> (24 - 8 * i));
	for (i = 0; i < 7 + size + 4; i++) {
		bits = (bits << 8 | stream[i]) & 0xffff;
		for (bit_count += 8; bit_count >= 5; bit_count -= 5)
			text[len++] = (uint8_t)alphabet[bits >> (bit_count - 5) & 31];
	}
	if (bit_count > 0)
		text[len++] = (uint8_t)alphabet[bits << (5 - bit_count) & 31];
	for (from = 0; from < len; from += 63) {
		size_t label_len = len - from < 63 ? len - from : 63;

		wire[at++] = (uint8_t)label_len;
		memcpy(wire + at, text + from, label_len);
		at += label_len;
	}
	return at;
}

static void check_line(const char *line, size_t line_len)
{
	json_error_t error;
	json_t *object;
	size_t i;

	MUST(line_len > 1 && line_len <= REPORT_LINE_MAX && line[line_len - 1] == '\n');
	for (i = 0; i < line_len - 1; i++) {
		MUST((unsigned char)line[i] >= 0x20 && line[i] != 0x7f);
		MUST(!((unsigned char)line[i] == 0xe2 && (unsigned char)line[i + 1] == 0x80 &&
		       ((unsigned char)line[i + 2] & 0xfe) == 0xa8));
	}
	object = json_loadb(line, line_len, JSON_REJECT_DUPLICATES, &error);
	MUST(object != NULL);
	json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_question question;
	struct report_arrival arrival = {.qtype = SB_TYPE_TXT};
	struct report_observer observer = {.version = "1.22.0"};
	char host[16] = "", line[REPORT_LINE_MAX];
	uint8_t wire[600];
	size_t at, line_len, zone;

	fuzz_load("report:\n  log: '-'\n  client-address: full\n  zones:\n"
		  "    - {zone: r.example.net, format: envelope}\n"
		  "    - zone: e.example.net\n      format: pattern\n"
		  "      pattern: '(?<a>(?<b>(?<c>(?<d>.*)\\.(?<e>[^.]*))\\.(?<f>[^.]+))\\.end)'\n"
		  "      fields: {a: labels.a, b: error.message, c: sitebound.nonce, d: error.code,"
		  " e: server.ip, f: event.duration}\n"
		  "      tests: [a.b.c.end]\n"
		  "    - {zone: er.example.net, format: rfc9567}\n"
		  "    - zone: z\n      format: pattern\n"
		  "      pattern: '(?<a>(?<b>(?<c>(?<d>(?<e>(?<f>[^z]+.*))))))\\.b'\n"
		  "      fields: {a: error.code, b: a.b, c: a.c, d: a.d, e: e.f.g, f: labels.f}\n"
		  "      tests: [a.b]\n");
	if (size < 9 || size > 255)
		return 0;
	memcpy(host, data, 8);
	observer.hostname = host;
	zone = data[8] % 5;
	data += 9;
	size -= 9;
	if (zone == 4) {
		zone = 0;
		at = envelope(data, size, wire);
	} else {
		memcpy(wire, data, size);
		at = size;
	}
	memcpy(wire + at, zones[zone].wire, zones[zone].len);
	at += zones[zone].len;
	if (!fuzz_ask(&question, wire, at))
		return 0;
	arrival.time.tv_sec = 1767225600;
	arrival.client = fuzz_client;
	arrival.zone = question.zone;
	arrival.decoded = question.decoded;
	arrival.qname_len = (uint16_t)at;
	memcpy(arrival.qname, wire, at);
	if (question.decoded.outcome == REPORT_ACCEPTED ||
	    question.decoded.outcome == REPORT_MALFORMED) {
		report_event_id(&question.decoded, arrival.time.tv_sec, arrival.event_id);
		MUST(report_line(fuzz_conf, NULL, &observer, &arrival, line, &line_len) == SB_OK);
		check_line(line, line_len);
	} else {
		MUST(report_line(fuzz_conf, NULL, &observer, &arrival, line, &line_len) ==
		     SB_EFORM);
	}
	return 0;
}
