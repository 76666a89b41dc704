// SPDX-License-Identifier: BSD-3-Clause

import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.zip.CRC32;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Encode a client error report as a DNS name (envelope, version 1), and ask for it.
 *
 * <p>One file, Java 8 or newer, Kotlin, and Android without desugaring: copy it into an application and add
 * your package line.
 *
 * <pre>{@code
 * Map<String, Object> fields = new LinkedHashMap<>();
 * fields.put("error.code", 1407);
 * fields.put("error.type", "tcp.timed_out");
 * String name = SiteboundReport.encode("r.example.net", fields);
 * SiteboundReport.Outcome outcome = SiteboundReport.send(name, null);
 * }</pre>
 *
 * <p>Fields have the names that the log lines have (../README.md lists them), but for two: "duration_ms" is
 * the time in milliseconds, and "raw.N" is TLV type N as octets.
 */
public final class SiteboundReport {
	static final String[] ERROR_TYPES = {
		"unknown", "ok", "abandoned", "dns.unreachable", "dns.name_not_resolved", "dns.failed",
		"dns.address_changed", "tcp.timed_out", "tcp.closed", "tcp.reset", "tcp.refused",
		"tcp.aborted", "tcp.address_invalid", "tcp.address_unreachable", "tcp.failed",
		"tls.version_or_cipher_mismatch", "tls.bad_client_auth_cert", "tls.cert.name_invalid",
		"tls.cert.date_invalid", "tls.cert.authority_invalid", "tls.cert.invalid",
		"tls.cert.revoked", "tls.cert.pinned_key_not_in_cert_chain", "tls.protocol.error",
		"tls.failed", "http.error", "http.protocol.error", "http.response.invalid",
		"http.response.redirect_loop", "http.failed"};
	static final String[] OS_TYPES = {"linux", "macos", "windows", "ios", "android", "unix"};
	static final String[] ACCESS = {"wifi", "cellular", "ethernet", "vpn", "other"};

	/** How a value is written; the words are written as numbers. */
	private enum Kind { CODE, UINT, ERROR, OS, ACCESS, TEXT, ADDRESS, ID, COUNTRY, LABEL, NONE }

	private static final class Row {
		final String field;
		final int type;
		final Kind kind;
		final int most;

		/** @param most octets that a value has at most */
		Row(String field, int type, Kind kind, int most) {
			this.field = field;
			this.type = type;
			this.kind = kind;
			this.most = most;
		}
	}

	private static final Row[] FIELDS = {
		new Row("error.code", 1, Kind.CODE, 32),
		new Row("error.code", 2, Kind.UINT, 4),
		new Row("error.type", 3, Kind.ERROR, 4),
		new Row("service.name", 4, Kind.TEXT, 255),
		new Row("user_agent.name", 5, Kind.TEXT, 255),
		new Row("user_agent.version", 6, Kind.TEXT, 255),
		new Row("user_agent.os.type", 7, Kind.OS, 4),
		new Row("user_agent.os.version", 8, Kind.TEXT, 255),
		new Row("device.model.identifier", 9, Kind.TEXT, 255),
		new Row("sitebound.access", 10, Kind.ACCESS, 4),
		new Row("duration_ms", 11, Kind.UINT, 4),
		new Row("server.ip", 12, Kind.ADDRESS, 16),
		new Row("server.port", 13, Kind.UINT, 2),
		new Row("http.response.status_code", 14, Kind.UINT, 2),
		new Row("event.start", 15, Kind.UINT, 4),
		new Row("error.message", 16, Kind.TEXT, 255),
		new Row("sitebound.install_id", 17, Kind.ID, 8),
		new Row("sitebound.sample_rate", 18, Kind.UINT, 8),
		new Row("sitebound.count", 19, Kind.UINT, 8),
		new Row("client.geo.country_iso_code", 20, Kind.COUNTRY, 2),
		new Row("server.domain", 21, Kind.TEXT, 255),
		new Row("sitebound.attempt", 22, Kind.UINT, 2),
		new Row("network.application", 23, Kind.TEXT, 255),
		new Row("labels.", 31, Kind.LABEL, 255),
	};

	private static final Pattern UINT = Pattern.compile("0|[1-9][0-9]{0,18}");
	private static final Pattern CODE = Pattern.compile("[A-Za-z0-9._:-]+");
	private static final Pattern COUNTRY = Pattern.compile("[A-Za-z]{2}");
	private static final Pattern KEY = Pattern.compile("[a-z][a-z0-9_]{0,15}");
	private static final Pattern HEX = Pattern.compile("([0-9A-Fa-f]{2})*");
	private static final Pattern ZONE =
			Pattern.compile("[A-Za-z0-9_-]{1,63}(\\.[A-Za-z0-9_-]{1,63})*\\.?");
	private static final Pattern OCTET =
			Pattern.compile("25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9]");
	private static final Pattern GROUP = Pattern.compile("[0-9A-Fa-f]{1,4}");
	private static final String BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
	private static final SecureRandom RANDOM = new SecureRandom();

	private SiteboundReport() {
	}

	/** A field has a value that is not allowed, or the name would be too long. */
	public static final class ReportError extends IllegalArgumentException {
		private static final long serialVersionUID = 1;

		ReportError(String message) {
			super(message);
		}
	}

	/** A key that the zone knows: its number and its octets. */
	public static final class Key {
		final int number;
		final byte[] octets;

		/**
		 * @param number 0 to 255
		 * @param octets 16 to 64
		 */
		public Key(int number, byte[] octets) {
			if (number < 0 || number > 255)
				throw new ReportError("the number of a key is from 0 to 255");
			if (octets == null || octets.length < 16 || octets.length > 64)
				throw new ReportError("a key has 16 to 64 octets");
			this.number = number;
			this.octets = octets.clone();
		}
	}

	private static byte[] utf8(String text, String field) {
		try {
			ByteBuffer octets = Charset.forName("UTF-8").newEncoder().encode(CharBuffer.wrap(text));
			return Arrays.copyOf(octets.array(), octets.limit());
		} catch (CharacterCodingException error) {
			throw new ReportError(field + ": half of a surrogate pair");
		}
	}

	/** The text of a string or a whole number. */
	private static String text(Object value, String field) {
		if (value instanceof String || value instanceof Integer || value instanceof Long ||
				value instanceof Short || value instanceof Byte || value instanceof java.math.BigInteger)
			return value.toString();
		throw new ReportError(field + ": " + value + " is no value");
	}

	private static byte[] octets(Object value, String field) {
		if (value instanceof byte[])
			return (byte[]) value;
		if (!(value instanceof String) || !HEX.matcher((String) value).matches())
			throw new ReportError(field + ": not octets or hexadecimal digits");
		return fromHex((String) value);
	}

	private static byte[] fromHex(String digits) {
		byte[] octets = new byte[digits.length() / 2];
		for (int i = 0; i < octets.length; i++)
			octets[i] = (byte) Integer.parseInt(digits.substring(2 * i, 2 * i + 2), 16);
		return octets;
	}

	/** Big-endian, without leading zero octets: zero is no octet. */
	private static byte[] uint(String digits, String field) {
		if (!UINT.matcher(digits).matches() ||
				digits.length() == 19 && digits.compareTo("9223372036854775807") > 0)
			throw new ReportError(field + ": " + digits + " is no whole number, or too large");
		if (digits.equals("0"))
			return new byte[0];
		String hex = Long.toHexString(Long.parseLong(digits));
		return fromHex(hex.length() % 2 == 0 ? hex : "0" + hex);
	}

	/** The number of a word; other numbers are "typeN" or N. */
	private static byte[] word(String value, String[] words, int first, String field) {
		int index = Arrays.asList(words).indexOf(value);
		if (index >= 0)
			return uint(Integer.toString(first + index), field);
		return uint(value.startsWith("type") ? value.substring(4) : value, field);
	}

	/** The octets of an IPv4 address as hexadecimal digits, or null. */
	private static String dotted(String text) {
		String[] parts = text.split("\\.", -1);
		StringBuilder hex = new StringBuilder();
		if (parts.length != 4)
			return null;
		for (String part : parts) {
			if (!OCTET.matcher(part).matches())
				return null;
			hex.append(String.format(Locale.ROOT, "%02x", Integer.parseInt(part)));
		}
		return hex.toString();
	}

	private static String[] groups(String half) {
		return half.isEmpty() ? new String[0] : half.split(":", -1);
	}

	private static byte[] address(String text, String field) {
		ReportError bad = new ReportError(field + ": " + text + " is no address");
		int end = text.lastIndexOf(':') + 1;
		String all = text;
		if (text.indexOf('.') >= 0) {
			String hex = dotted(text.substring(end));
			if (hex == null)
				throw bad;
			if (end == 0)
				return fromHex(hex);
			// the dotted end of an IPv6 address is two groups
			all = text.substring(0, end) + hex.substring(0, 4) + ":" + hex.substring(4);
		}
		String[] halves = all.split("::", -1);
		String[] head = groups(halves[0]);
		String[] tail = groups(halves[halves.length - 1]);
		if (halves.length > 2 || (halves.length == 2 ? head.length + tail.length > 7 : head.length != 8))
			throw bad;
		StringBuilder hex = new StringBuilder();
		for (int i = 0; i < 8; i++) {
			String group = i < head.length ? head[i] : i < 8 - tail.length ? "0" : tail[i - 8 + tail.length];
			if (!GROUP.matcher(group).matches())
				throw bad;
			hex.append("0000".substring(group.length())).append(group);
		}
		return fromHex(hex.toString());
	}

	/** The first field of a TLV type or of a name. */
	private static Row row(int type, String field) {
		for (Row row : FIELDS) {
			if (row.type == type || row.field.equals(field))
				return row;
		}
		return new Row("", 0, Kind.NONE, 255);
	}

	/** Whether octets are a value of a TLV type, as the decoder sees it. */
	private static boolean isValue(int type, byte[] octets) {
		Row row = row(type, null);
		String text = new String(octets, Charset.forName("ISO-8859-1"));
		if (octets.length > row.most)
			return false;
		switch (row.kind) {
		case UINT:
		case ERROR:
		case OS:
		case ACCESS:
			return (octets.length < 2 || octets[0] != 0) && (octets.length < 8 || octets[0] >= 0);
		case CODE:
			return CODE.matcher(text).matches();
		case ADDRESS:
			return octets.length == 4 || octets.length == 16;
		case ID:
			return octets.length >= 4;
		case COUNTRY:
			return COUNTRY.matcher(text).matches();
		case LABEL:
			return text.indexOf('=') >= 0 && KEY.matcher(text.substring(0, text.indexOf('='))).matches();
		default:
			return true;
		}
	}

	/** The TLV type of a field. */
	private static int typeOf(String field, String text) {
		if (field.startsWith("raw.")) {
			String digits = field.substring(4);
			if (!digits.matches("[1-9]|[12][0-9]|3[01]"))
				throw new ReportError(field + ": the type must be from 1 to 31");
			return Integer.parseInt(digits);
		}
		if (field.startsWith("labels.")) {
			if (!KEY.matcher(field.substring(7)).matches())
				throw new ReportError(field + ": no key");
			return 31;
		}
		if (field.equals("error.code"))
			return text.matches("0|[1-9][0-9]{0,9}") && Long.parseLong(text) < 1L << 32 ? 2 : 1;
		int type = row(-1, field).type;
		if (type == 0)
			throw new ReportError(field + " is no field of a report");
		return type;
	}

	private static byte[] valueOf(String field, int type, String text) {
		switch (row(type, null).kind) {
		case UINT:
			return uint(text, field);
		case ERROR:
			return word(text, ERROR_TYPES, 0, field);
		case OS:
			return word(text, OS_TYPES, 1, field);
		case ACCESS:
			return word(text, ACCESS, 1, field);
		case ADDRESS:
			return address(text, field);
		case LABEL:
			return utf8(field.substring(7) + "=" + text, field);
		default:
			return utf8(text, field);
		}
	}

	private static String base32(byte[] octets) {
		StringBuilder text = new StringBuilder();
		int bits = 0, count = 0;
		for (byte octet : octets) {
			bits = (bits << 8 | octet & 255) & 0xffff;
			for (count += 8; count >= 5; count -= 5)
				text.append(BASE32.charAt(bits >> count - 5 & 31));
		}
		if (count > 0)
			text.append(BASE32.charAt(bits << 5 - count & 31));
		return text.toString();
	}

	/**
	 * Cut into labels of at most 63 characters. None but the first begins with "e" and a digit: resolvers
	 * may ask for the labels on the right alone, and that would look like a whole report.
	 */
	private static String labels(String text) {
		StringBuilder cut = new StringBuilder();
		String rest = text;
		while (rest.length() > 63) {
			int size = rest.substring(63).matches("e[0-9].*") ? 62 : 63;
			cut.append(rest, 0, size).append('.');
			rest = rest.substring(size);
		}
		return cut.append(rest).toString();
	}

	private static byte[] check(byte[] stream, String zone, Key key) {
		if (key != null) {
			try {
				Mac mac = Mac.getInstance("HmacSHA256");
				mac.init(new SecretKeySpec(key.octets, "HmacSHA256"));
				mac.update(stream);
				return Arrays.copyOf(mac.doFinal(utf8(zone.toLowerCase(Locale.ROOT), "zone")), 8);
			} catch (GeneralSecurityException error) {
				throw new IllegalStateException(error);
			}
		}
		CRC32 crc = new CRC32();
		crc.update(stream, 0, stream.length);
		return ByteBuffer.allocate(4).putInt((int) crc.getValue()).array();
	}

	/** A report with a random nonce, in one part, without a key. */
	public static String encode(String zone, Map<String, ?> fields) {
		return encode(zone, fields, null, null, null);
	}

	/**
	 * The name of a report, with its final dot.
	 *
	 * @param zone the report zone
	 * @param fields names and values: strings, whole numbers, and byte[] for sitebound.install_id and
	 *     raw.N; in the order in which they are to be sent, so a LinkedHashMap
	 * @param nonce 4 octets, or null for random ones; a new one for each report, the same for its parts
	 * @param part {index, total} for a report in several names, or null; index 0 has the error.code
	 * @param key a key that the zone knows, or null
	 * @throws ReportError for everything that is refused
	 */
	public static String encode(String zone, Map<String, ?> fields, byte[] nonce, int[] part, Key key) {
		if (zone == null || !ZONE.matcher(zone).matches())
			throw new ReportError(zone + " is no zone");
		if (fields == null)
			throw new ReportError("there are no fields");
		String apex = zone.endsWith(".") ? zone.substring(0, zone.length() - 1) : zone;
		if (nonce == null) {
			nonce = new byte[4];
			RANDOM.nextBytes(nonce);
		}
		if (nonce.length != 4)
			throw new ReportError("a nonce has 4 octets");
		if (part != null && (part.length != 2 || part[0] < 0 || part[0] >= part[1] || part[1] > 16))
			throw new ReportError(Arrays.toString(part) + " is no part");
		ByteArrayOutputStream stream = new ByteArrayOutputStream();
		stream.write((part != null ? 0x80 : 0) | (key != null ? 0x40 : 0));
		stream.write(nonce, 0, 4);
		if (part != null)
			stream.write(part[0] << 4 | part[1] - 1);
		if (key != null)
			stream.write(key.number);
		Set<String> seen = new HashSet<String>();
		for (Map.Entry<String, ?> entry : fields.entrySet()) {
			String field = String.valueOf(entry.getKey());
			boolean raw = field.startsWith("raw.") || field.equals("sitebound.install_id");
			String text = raw ? "" : text(entry.getValue(), field);
			int type = typeOf(field, text);
			byte[] octets = raw ? octets(entry.getValue(), field) : valueOf(field, type, text);
			if (!isValue(type, octets))
				throw new ReportError(field + ": " + entry.getValue() + " is not allowed");
			// 1 and 2 are one field; a label is known by its key
			String known = Integer.toString(Math.max(type, 2));
			if (type == 31)
				known = new String(octets, Charset.forName("ISO-8859-1")).split("=", 2)[0];
			if (!seen.add(known))
				throw new ReportError(field + ": is there twice");
			stream.write(type << 3 | Math.min(octets.length, 7));
			if (octets.length >= 7)
				stream.write(octets.length);
			stream.write(octets, 0, octets.length);
		}
		if (!seen.contains("2") && (part == null || part[0] == 0))
			throw new ReportError("the error.code is missing");
		byte[] check = check(stream.toByteArray(), apex, key);
		stream.write(check, 0, check.length);
		String name = labels("e1" + base32(stream.toByteArray())) + "." + apex;
		if (name.length() > 253)
			throw new ReportError("the name is " + (name.length() - 253) + " characters too long");
		return name + ".";
	}

	/** What came of a report. */
	public enum Outcome {
		/** an acknowledgement came: an address, which a zone with `ack-a` gives */
		ARRIVED,
		/** no address: the zone has no `ack-a`, or something went wrong; Java does not tell which */
		UNKNOWN,
		/** nothing was asked: the name is null, or the system does not allow it here */
		FAILED
	}

	/**
	 * Ask the system's resolver for the name's address. It may take as long as that resolver tries, half a
	 * minute and more, and cannot be stopped: call it on a thread of its own.
	 *
	 * @param ack the zone's `ack-a`, or null; another address, as captive portals give, is UNKNOWN then
	 */
	public static Outcome send(String name, String ack) {
		// of null, Java says that it is this host
		if (name == null)
			return Outcome.FAILED;
		try {
			for (InetAddress found : InetAddress.getAllByName(name)) {
				if (ack == null || ack.equals(found.getHostAddress()))
					return Outcome.ARRIVED;
			}
			return Outcome.UNKNOWN;
		} catch (UnknownHostException error) {
			return Outcome.UNKNOWN;
		} catch (RuntimeException error) {
			// SecurityException; Android's NetworkOnMainThreadException
			return Outcome.FAILED;
		}
	}
}
