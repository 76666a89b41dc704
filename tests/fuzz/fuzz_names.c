/* SPDX-License-Identifier: BSD-3-Clause */
/* synth: the input is a type, a zone and the labels in front of it. An address in an answer is the one
 * that the C library reads in the name, and that of the PTR record's name is the question's. */
#include <arpa/inet.h>

#include "../../modules/synth/synth.h"
#include "fuzz.h"

static const struct {
	const char *wire;
	size_t len;
} zones[] = {
	{"\002ip\007example\003com", 16},
	{"\002nx\007example\003net", 16},
	{"\002dc\003prd\007example\003com", 20},
	{"\00210\007in-addr\004arpa", 17},
	{"\0018\001b\001d\0010\0011\0010\0010\0012\003ip6\004arpa", 26},
};

static const char text[] =
	"synth:\n  address-names:\n"
	"    - {zone: ip.example.com, forms: [dotted, dashed, hex], reverse: yes, deny: "
	"[10.66.0.0/16],"
	" allow: [10.0.0.0/8, '2001:db8::/32']}\n"
	"    - {zone: nx.example.net, forms: [dotted, dashed], otherwise: nxdomain}\n"
	"  site-names:\n    - {label: dc, parents: [prd.example.com], site: dc1, fallback: "
	"[dc2]}\n";

/** The address that a name's labels left of the zone are, as inet_pton(3) sees it.
 * @return octets, 0: none. */
static size_t read_address(const struct sb_dname *name, unsigned left, uint8_t octet[SB_IP6_LEN])
{
	char label[256] = "";
	size_t len = 0, label_len, i;
	unsigned j;

	for (j = 0; j < left; j++) {
		const uint8_t *data = sb_dname_label(name, j, &label_len);

		if (memchr(data, 0, label_len) != NULL)
			return 0;
		if (j > 0)
			label[len++] = '.';
		memcpy(label + len, data, label_len);
		len += label_len;
	}
	label[len] = '\0';
	if (inet_pton(AF_INET, label, octet) == 1)
		return SB_IP4_LEN;
	if (left == 1 && (len == 8 || len == 32) &&
	    strspn(label, "0123456789abcdefABCDEF") == len) {
		for (i = 0; i < len / 2; i++) {
			unsigned value;

			MUST(sscanf(label + 2 * i, "%2x", &value) == 1);
			octet[i] = (uint8_t)value;
		}
		return len / 2;
	}
	for (i = 0; i < len; i++)
		label[i] = label[i] == '-' ? '.' : label[i];
	if (left == 1 && inet_pton(AF_INET, label, octet) == 1)
		return SB_IP4_LEN;
	for (i = 0; i < len; i++)
		label[i] = label[i] == '.' ? ':' : label[i];
	return left == 1 && inet_pton(AF_INET6, label, octet) == 1 ? SB_IP6_LEN : 0;
}

/** The address that a name of in-addr.arpa or ip6.arpa is of. */
static void reverse_address(const struct sb_dname *name, struct sb_addr *addr)
{
	unsigned labels = name->label_count - 2, i;
	size_t label_len;

	memset(addr, 0, sizeof(*addr));
	addr->len = labels == 4 ? SB_IP4_LEN : SB_IP6_LEN;
	for (i = 0; i < labels; i++) {
		const uint8_t *data = sb_dname_label(name, labels - 1 - i, &label_len);
		char digits[4] = "";
		unsigned value;

		memcpy(digits, data, label_len);
		value = (unsigned)strtoul(digits, NULL, labels == 4 ? 10 : 16);
		if (labels == 4)
			addr->octet[i] = (uint8_t)value;
		else
			addr->octet[i / 2] = (uint8_t)(addr->octet[i / 2] << 4 | value);
	}
}

static void check_answer(const struct synth_conf *conf, const struct sb_query *query,
			 const struct sb_verdict *verdict)
{
	const struct synth_zone *zone;
	uint8_t octet[SB_IP6_LEN];
	struct sb_addr addr;
	struct sb_dname name;
	unsigned left;

	MUST(verdict->rule < conf->rules.count);
	zone = conf->zone[verdict->rule];
	left = query->qname.label_count - zone->apex.label_count;
	MUST((verdict->rrtype == 0) == (verdict->soa != NULL) || verdict->rrtype == SB_TYPE_SOA ||
	     verdict->rcode == SB_YXDOMAIN);
	if (verdict->rrtype == SB_TYPE_A || verdict->rrtype == SB_TYPE_AAAA) {
		size_t len = verdict->rrtype == SB_TYPE_A ? SB_IP4_LEN : SB_IP6_LEN;

		MUST(query->qtype == verdict->rrtype || query->qtype == SB_TYPE_ANY);
		MUST(verdict->rr_count == 1 && verdict->rrs_len == 2 + len);
		MUST(read_address(&query->qname, left, octet) == len);
		MUST(memcmp(octet, verdict->rrs + 2, len) == 0);
		addr.len = len;
		memcpy(addr.octet, octet, len);
		MUST(synth_allowed(zone, &addr));
	} else if (verdict->rrtype == SB_TYPE_PTR) {
		reverse_address(&query->qname, &addr);
		MUST(sb_dname_parse(&name, verdict->rrs + 2, verdict->rrs_len - 2) == SB_OK);
		MUST(read_address(&name, 1, octet) == addr.len);
		MUST(memcmp(octet, addr.octet, addr.len) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t types[] = {SB_TYPE_A,   SB_TYPE_AAAA, SB_TYPE_PTR,
					 SB_TYPE_TXT, SB_TYPE_ANY,  SB_TYPE_CNAME};
	static struct synth_conf *conf;
	struct sb_query query = {.qclass = SB_CLASS_IN};
	struct sb_verdict verdict, again;
	uint8_t wire[SB_DNAME_MAX], target[SB_DNAME_MAX];
	size_t zone, target_len;

	if (conf == NULL)
		conf = sb_conf_section(fuzz_conf_of(text), "synth");
	if (size < 1)
		return -1;
	zone = data[0] / 6 % 5;
	if (size - 1 + zones[zone].len > sizeof(wire))
		return -1;
	memcpy(wire, data + 1, size - 1);
	memcpy(wire + size - 1, zones[zone].wire, zones[zone].len);
	query.qtype = types[data[0] % 6];
	if (sb_dname_parse(&query.qname, wire, size - 1 + zones[zone].len) != SB_OK)
		return -1;
	synth_decide(conf, &query, &verdict);
	synth_decide(conf, &query, &again);
	MUST(again.kind == verdict.kind && again.rcode == verdict.rcode &&
	     again.rrtype == verdict.rrtype);
	if (verdict.kind == SB_ANSWER)
		check_answer(conf, &query, &verdict);
	if (verdict.kind == SB_FOLLOW &&
	    synth_target(conf->zone[verdict.rule], &query.qname, 0, target, &target_len) == SB_OK)
		MUST(sb_dname_parse(&query.qname, target, target_len) == SB_OK);
	if (verdict.kind == SB_ASK_UPSTREAM)
		synth_decide_upstream(conf, &query, SB_NXDOMAIN, false, &verdict);
	return 0;
}
