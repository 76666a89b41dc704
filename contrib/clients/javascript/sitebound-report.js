// SPDX-License-Identifier: BSD-3-Clause
/*
 * Encode a client error report as a DNS name (envelope, version 1), and ask for it.
 *
 * One file, Node 16 or newer and Electron (its main process), nothing but Node's own modules: copy it
 * into an application.
 *
 *     const report = require("./sitebound-report.js");
 *     const name = report.encode("r.example.net", {
 *         "error.code": 1407, "error.type": "tcp.timed_out", "service.name": "login"});
 *     report.send(name).then((outcome) => ...);
 *
 * Fields have the names that the log lines have (../README.md lists them), but for two: "duration_ms" is
 * the time in milliseconds, and "raw.N" is TLV type N as octets.
 */
"use strict";

const crypto = require("crypto");
const dns = require("dns");
const {isUint8Array} = require("util").types;

const ERROR_TYPES = [
	"unknown", "ok", "abandoned", "dns.unreachable", "dns.name_not_resolved", "dns.failed",
	"dns.address_changed", "tcp.timed_out", "tcp.closed", "tcp.reset", "tcp.refused",
	"tcp.aborted", "tcp.address_invalid", "tcp.address_unreachable", "tcp.failed",
	"tls.version_or_cipher_mismatch", "tls.bad_client_auth_cert", "tls.cert.name_invalid",
	"tls.cert.date_invalid", "tls.cert.authority_invalid", "tls.cert.invalid",
	"tls.cert.revoked", "tls.cert.pinned_key_not_in_cert_chain", "tls.protocol.error",
	"tls.failed", "http.error", "http.protocol.error", "http.response.invalid",
	"http.response.redirect_loop", "http.failed"];
const OS_TYPES = ["linux", "macos", "windows", "ios", "android", "unix"];
const ACCESS = ["wifi", "cellular", "ethernet", "vpn", "other"];

// field, TLV type, how its value is written (as one of the words above: a number), octets at most
const FIELDS = [
	["error.code", 1, "code", 32],
	["error.code", 2, "uint", 4],
	["error.type", 3, "error", 4],
	["service.name", 4, "text", 255],
	["user_agent.name", 5, "text", 255],
	["user_agent.version", 6, "text", 255],
	["user_agent.os.type", 7, "os", 4],
	["user_agent.os.version", 8, "text", 255],
	["device.model.identifier", 9, "text", 255],
	["sitebound.access", 10, "access", 4],
	["duration_ms", 11, "uint", 4],
	["server.ip", 12, "address", 16],
	["server.port", 13, "uint", 2],
	["http.response.status_code", 14, "uint", 2],
	["event.start", 15, "uint", 4],
	["error.message", 16, "text", 255],
	["sitebound.install_id", 17, "id", 8],
	["sitebound.sample_rate", 18, "uint", 8],
	["sitebound.count", 19, "uint", 8],
	["client.geo.country_iso_code", 20, "country", 2],
	["server.domain", 21, "text", 255],
	["sitebound.attempt", 22, "uint", 2],
	["network.application", 23, "text", 255],
	["labels.", 31, "label", 255],
];
const UINT = ["uint", "error", "os", "access"];

/** A field has a value that is not allowed, or the name would be too long. */
class ReportError extends Error {}
ReportError.prototype.name = "ReportError";

function refuse(message) {
	throw new ReportError(message);
}

// The text of a string or a whole number. Above 2^53 numbers are no longer exact: a BigInt or a string.
function textOf(value, field) {
	if (typeof value === "bigint" || Number.isSafeInteger(value))
		return String(value);
	if (typeof value !== "string")
		refuse(field + ": no value is of the type " + typeof value);
	if (/[\ud800-\udfff]/u.test(value))
		refuse(field + ": half of a surrogate pair");
	return value;
}

// Octets, or their hexadecimal digits.
function octetsOf(value, field) {
	if (isUint8Array(value))
		return Buffer.from(value);
	if (typeof value !== "string" || !/^([0-9A-Fa-f]{2})*$/.test(value))
		refuse(field + ": not octets or hexadecimal digits");
	return Buffer.from(value, "hex");
}

// Big-endian, without leading zero octets: zero is no octet.
function uintOctets(digits, field) {
	if (!/^(0|[1-9][0-9]{0,18})$/.test(digits))
		refuse(field + ": " + digits + " is no whole number");
	const hex = BigInt(digits).toString(16);
	return digits === "0" ? Buffer.alloc(0) : Buffer.from(hex.length % 2 ? "0" + hex : hex, "hex");
}

// The number of a word; other numbers are "typeN" or N.
function wordOctets(value, words, first, field) {
	const index = words.indexOf(value);
	return uintOctets(index >= 0 ? String(index + first) : value.replace(/^type/, ""), field);
}

function addressOctets(text, field) {
	const bad = () => refuse(field + ": " + text + " is no address");
	const part = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
	const dotted = new RegExp("(^|:)" + Array(4).fill(part).join("\\.") + "$").exec(text);
	const end = dotted ? Buffer.from(dotted.slice(2).map(Number)) : Buffer.alloc(0);
	if (dotted && dotted[1] === "" && dotted.index === 0)
		return end;
	// the dotted end of an IPv6 address is two groups
	const all = dotted ? text.slice(0, dotted.index + 1) + end.toString("hex", 0, 2) + ":" + end.toString("hex", 2) : text;
	const halves = all.split("::");
	const [head, tail] = halves.map((half) => half === "" ? [] : half.split(":"));
	if (halves.length > 2 || (tail ? head.length + tail.length > 7 : head.length !== 8))
		bad();
	const groups = tail ? [...head, ...Array(8 - head.length - tail.length).fill("0"), ...tail] : head;
	if (!groups.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group)))
		bad();
	return Buffer.from(groups.map((group) => group.padStart(4, "0")).join(""), "hex");
}

// Whether octets are a value of a TLV type, as the decoder sees it.
function isValue(type, octets) {
	const [, , kind, most] = FIELDS.find((row) => row[1] === type) || ["", 0, "none", 255];
	const text = octets.toString("latin1");
	if (octets.length > most)
		return false;
	if (UINT.includes(kind))
		return (octets.length < 2 || octets[0] !== 0) && (octets.length < 8 || octets[0] < 0x80);
	if (kind === "code")
		return /^[A-Za-z0-9._:-]+$/.test(text);
	if (kind === "address")
		return octets.length === 4 || octets.length === 16;
	if (kind === "id")
		return octets.length >= 4;
	if (kind === "country")
		return /^[A-Za-z]{2}$/.test(text);
	return kind !== "label" || /^[a-z][a-z0-9_]{0,15}=/.test(text);
}

// The TLV type and octets of a field.
function encodeField(field, value) {
	if (field.startsWith("raw.")) {
		if (!/^([1-9]|[12][0-9]|3[01])$/.test(field.slice(4)))
			refuse(field + ": the type must be from 1 to 31");
		return [Number(field.slice(4)), octetsOf(value, field)];
	}
	if (field === "sitebound.install_id")
		return [17, octetsOf(value, field)];
	const text = textOf(value, field);
	if (field === "error.code") {
		if (/^(0|[1-9][0-9]{0,9})$/.test(text) && Number(text) < 2 ** 32)
			return [2, uintOctets(text, field)];
		return [1, Buffer.from(text)];
	}
	if (field.startsWith("labels.")) {
		if (!/^[a-z][a-z0-9_]{0,15}$/.test(field.slice(7)))
			refuse(field + ": no key");
		return [31, Buffer.from(field.slice(7) + "=" + text)];
	}
	const [, type, kind] = FIELDS.find((row) => row[0] === field) || refuse(field + " is no field of a report");
	if (kind === "uint")
		return [type, uintOctets(text, field)];
	if (kind === "error")
		return [type, wordOctets(text, ERROR_TYPES, 0, field)];
	if (kind === "os")
		return [type, wordOctets(text, OS_TYPES, 1, field)];
	if (kind === "access")
		return [type, wordOctets(text, ACCESS, 1, field)];
	if (kind === "address")
		return [type, addressOctets(text, field)];
	return [type, Buffer.from(text)];
}

function crc32(octets) {
	let crc = 0xffffffff;
	for (const octet of octets) {
		crc ^= octet;
		for (let bit = 0; bit < 8; bit++)
			crc = crc >>> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	const out = Buffer.alloc(4);
	out.writeUInt32BE(~crc >>> 0);
	return out;
}

function base32(octets) {
	let text = "", bits = 0, count = 0;
	for (const octet of octets) {
		bits = (bits << 8 | octet) & 0xffff;
		for (count += 8; count >= 5; count -= 5)
			text += "abcdefghijklmnopqrstuvwxyz234567"[bits >> count - 5 & 31];
	}
	return count ? text + "abcdefghijklmnopqrstuvwxyz234567"[bits << 5 - count & 31] : text;
}

// Labels of at most 63 characters. None but the first begins with "e" and a digit: resolvers may ask for
// the labels on the right alone, and that would look like a whole report.
function labels(text) {
	if (text.length <= 63)
		return text;
	const size = /^e[0-9]/.test(text.slice(63)) ? 62 : 63;
	return text.slice(0, size) + "." + labels(text.slice(size));
}

/**
 * The name of a report, with its final dot. Throws ReportError for everything that is refused.
 *
 * @param {string} zone the report zone
 * @param {Object|Map} fields names and values: strings, whole numbers, and octets (Uint8Array) for
 *     sitebound.install_id and raw.N; in the order in which they are to be sent
 * @param {Uint8Array} [nonce] 4 octets; default random: new for each report, the same for its parts
 * @param {number[]} [part] [index, total] for a report in several names; index 0 has the error.code
 * @param {Array} [key] [number, octets] of a key that the zone knows
 */
function encode(zone, fields, nonce, part, key) {
	if (typeof zone !== "string" || !/^[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?$/.test(zone))
		refuse(JSON.stringify(zone) + " is no zone");
	zone = zone.replace(/\.$/, "");
	if (nonce === undefined || nonce === null)
		nonce = crypto.randomBytes(4);
	if (!isUint8Array(nonce) || nonce.length !== 4)
		refuse("a nonce has 4 octets");
	let flags = 0;
	const head = [];
	if (part) {
		const [index, total] = Array.isArray(part) ? part : [];
		if (!Number.isInteger(index) || !Number.isInteger(total) || index < 0 || index >= total || total > 16)
			refuse("part " + index + " of " + total);
		flags |= 0x80;
		head.push(index << 4 | total - 1);
	}
	if (key) {
		if (!Number.isInteger(key[0]) || key[0] < 0 || key[0] > 255)
			refuse("the number of a key is from 0 to 255");
		if (!isUint8Array(key[1]) || key[1].length < 16 || key[1].length > 64)
			refuse("a key has 16 to 64 octets");
		flags |= 0x40;
		head.push(key[0]);
	}
	let stream = Buffer.from([flags, ...nonce, ...head]);
	const seen = new Set();
	for (const [field, value] of fields instanceof Map ? fields : Object.entries(fields || {})) {
		const [type, octets] = encodeField(String(field), value);
		if (!isValue(type, octets))
			refuse(field + ": not allowed");
		// 1 and 2 are one field; a label is known by its key
		const known = type === 31 ? octets.toString().split("=")[0] : Math.max(type, 2);
		if (seen.has(known))
			refuse(field + ": is there twice");
		seen.add(known);
		const length = octets.length < 7 ? [type << 3 | octets.length] : [type << 3 | 7, octets.length];
		stream = Buffer.concat([stream, Buffer.from(length), octets]);
	}
	if (!seen.has(2) && (!part || part[0] === 0))
		refuse("the error.code is missing");
	const check = key
		? crypto.createHmac("sha256", key[1]).update(stream).update(zone.toLowerCase()).digest().subarray(0, 8)
		: crc32(stream);
	const name = labels("e1" + base32(Buffer.concat([stream, check]))) + "." + zone;
	if (name.length > 253)
		refuse("the name is " + (name.length - 253) + " characters too long");
	return name + ".";
}

// The nonce of a name, as the zone writes it.
function nonceOf(name) {
	let bits = 0n;
	for (const letter of name.slice(2, 10).toLowerCase())
		bits = bits << 5n | BigInt("abcdefghijklmnopqrstuvwxyz234567".indexOf(letter) & 31);
	return (bits & 0xffffffffn).toString(16).padStart(8, "0");
}

/**
 * Ask the system's resolvers for the TXT records of a name. The promise, which is never rejected, is of
 *
 * "arrived"  the zone's acknowledgement came, with the nonce of the report
 * "unknown"  an answer without it: the zone refuses the name, or the answer is not the zone's
 * "failed"   an error, or no answer: send the same name again later
 *
 * @param {string} name
 * @param {number} [timeout] milliseconds
 */
async function send(name, timeout = 5000) {
	const resolver = new dns.promises.Resolver({timeout, tries: 1});
	// Resolver's own time-out is for one server
	const timer = setTimeout(() => resolver.cancel(), timeout);
	try {
		const texts = await resolver.resolveTxt(name);
		return texts.some((text) => text.join("").startsWith("ok " + nonceOf(name) + "-")) ? "arrived" : "unknown";
	} catch (error) {
		return error.code === dns.NODATA || error.code === dns.NOTFOUND ? "unknown" : "failed";
	} finally {
		clearTimeout(timer);
	}
}

module.exports = {encode, send, ReportError, ERROR_TYPES, OS_TYPES, ACCESS, FIELDS};
