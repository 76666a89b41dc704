/* SPDX-License-Identifier: BSD-3-Clause */
/* The envelope decoder. The first octet chooses: the input is a name in front of the zone, or a stream
 * whose check is made good, so that the TLVs behind it are reached. */
#include <zlib.h>

#include "fuzz_report.h"

static const uint8_t zone[] = "\001r\007example\003net";

/** Names from a stream: "e1", base32, labels of 63. */
static size_t to_wire(const uint8_t *stream, size_t stream_len, uint8_t *wire)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t text[300] = {'e', '1'};
	size_t len = 2, from, at = 0, i;
	unsigned bits = 0, bit_count = 0;

	for (i = 0; i < stream_len; i++) {
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
	memcpy(wire + at, zone, sizeof(zone));
	return at + sizeof(zone);
}

/** Each TLV lies where the stream is, and counts as known or unknown. */
static void check(const struct report_envelope *envelope)
{
	struct report_envelope_span label;
	size_t at = envelope->tlv_at;
	unsigned type;

	MUST(envelope->stream_len <= REPORT_STREAM_MAX);
	MUST(envelope->part_index < envelope->part_count);
	MUST((envelope->present & envelope->unknown) == 0);
	MUST(envelope->part_index > 0 || (envelope->present & 6) != 0);
	for (type = 0; type < 32; type++)
		MUST(envelope->tlv[type].at + envelope->tlv[type].len + 4 <= envelope->stream_len ||
		     envelope->tlv[type].len == 0);
	while (report_envelope_next_label(envelope, envelope->tlv_end, &at, &label))
		MUST(label.len >= 2 && label.at + label.len + 4 <= envelope->stream_len);
	MUST(at == envelope->tlv_end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_question question;
	uint8_t wire[600];
	size_t wire_len;

	fuzz_load("report:\n  log: '-'\n  zones:\n    - zone: r.example.net\n"
		  "      format: envelope\n"
		  "      keys: {1: 000102030405060708090a0b0c0d0e0f}\n");
	if (size < 1 || size > 200)
		return 0;
	if (data[0] % 2 == 0) {
		memcpy(wire, data + 1, size - 1);
		memcpy(wire + size - 1, zone, sizeof(zone));
		wire_len = size - 1 + sizeof(zone);
	} else {
		uint8_t stream[256];
		size_t stream_len = size - 1;
		uint32_t crc;

		memcpy(stream, data + 1, stream_len);
		crc = (uint32_t)crc32(0, stream, (uInt)stream_len);
		stream[stream_len] = (uint8_t)(crc >> 24);
		stream[stream_len + 1] = (uint8_t)(crc >> 16);
		stream[stream_len + 2] = (uint8_t)(crc >> 8);
		stream[stream_len + 3] = (uint8_t)crc;
		if (stream_len + 4 > 140)
			return 0;
		wire_len = to_wire(stream, stream_len + 4, wire);
	}
	if (fuzz_ask(&question, wire, wire_len) && question.decoded.outcome == REPORT_ACCEPTED)
		check(&question.decoded.u.envelope);
	return 0;
}
