// SPDX-License-Identifier: BSD-3-Clause
// The JavaScript encoder for the tests: node driver.js ENCODER.js [--types | ARGUMENT...]; see ../encoders.py.
"use strict";
const {encode, send, ReportError} = require(process.argv[2]);

function parse(given) {
	const options = {}, fields = {};
	let at = 0;
	for (; /^-[znpks]$/.test(given[at]); at++)
		options[given[at][1]] = given[at] === "-s" || given[++at];
	for (const argument of given.slice(at)) {
		const [, field, value] = /^([^=]*)=([^]*)$/.exec(argument) || [];
		if (field === undefined || field in fields)
			throw new ReportError(argument);
		fields[field] = value;
	}
	const matched = (pattern, text) => {
		const match = pattern.exec(text);
		if (!match)
			throw new ReportError(text);
		return match;
	};
	const octets = (text) => Buffer.from(matched(/^([0-9A-Fa-f]{2})*$/, text)[0], "hex");
	const nonce = "n" in options ? octets(options.n) : undefined;
	let part, key;
	if ("p" in options) {
		const match = matched(/^(0|[1-9][0-9]?)\/([1-9][0-9]?)$/, options.p);
		part = [Number(match[1]), Number(match[2])];
	}
	if ("k" in options) {
		const match = matched(/^(0|[1-9][0-9]{0,2}):(.*)$/, options.k);
		key = [Number(match[1]), octets(match[2])];
	}
	return [encode(options.z, fields, nonce, part, key), options.s];
}

function refused(call) {
	try {
		call();
	} catch (error) {
		if (error instanceof ReportError)
			return true;
		console.log(error);
	}
	return false;
}

function types() {
	const zone = "r.example.net", good = {"error.code": 7};
	const bad = [undefined, null, true, false, 1.5, NaN, Infinity, 2 ** 53, [], ["x"], {}, Symbol("x"), () => 1, Buffer.from("x"), "\ud800", "a\udc00"];
	let count = 0;
	const check = (what, call) => {
		count++;
		if (!refused(call))
			console.log("accepted: " + what);
	};
	for (const field of ["error.code", "service.name", "server.ip", "server.port", "labels.x", "sitebound.access"]) {
		for (const value of bad)
			check(field + " " + typeof value, () => encode(zone, {...good, [field]: value}));
	}
	for (const value of [undefined, null, 5, {}, [1, 2, 3, 4], "xyz"]) {
		check("raw " + typeof value, () => encode(zone, {...good, "raw.9": value}));
		check("nonce " + typeof value, () => encode(zone, good, value === undefined || value === null ? 4 : value));
		check("zone " + typeof value, () => encode(value === "xyz" ? "" : value, good));
		check("fields " + typeof value, () => encode(zone, value));
		check("key " + typeof value, () => encode(zone, good, null, null, [1, value]));
	}
	for (const part of [5, [], [0], [0.5, 2], [-1, 2], ["0", "2"], [2, 2], [0, 17], "0/2"])
		check("part " + part, () => encode(zone, good, null, part));
	for (const number of [-1, 256, 1.5, "1"])
		check("key " + number, () => encode(zone, good, null, null, [number, Buffer.alloc(16)]));
	for (const value of [-1, -1n, 65536, 65536n])
		check("port " + value, () => encode(zone, {...good, "server.port": value}));
	encode(zone, new Map([["error.code", 7n], ["sitebound.count", 2n ** 63n - 1n], ["raw.9", new Uint8Array(3)]]));
	console.log(count);
}

function answer(line) {
	try {
		return parse(line.split(" ").map((text) => Buffer.from(text, "hex").toString()))[0];
	} catch (error) {
		if (!(error instanceof ReportError))
			throw error;
		return "! " + error.message.replace(/[\r\n]/g, " ");
	}
}

async function main() {
	const given = process.argv.slice(3);
	if (given[0] === "--types")
		return types();
	if (given.length === 0)
		return console.log(require("fs").readFileSync(0, "latin1").slice(0, -1).split("\n").map(answer).join("\n"));
	const [name, sending] = parse(given);
	console.log(name);
	if (sending) {
		const outcome = await send(name, 3000);
		console.log(outcome);
		process.exitCode = {arrived: 0, failed: 1, unknown: 3}[outcome];
	}
}

main();
