// SPDX-License-Identifier: BSD-3-Clause

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The Java encoder for the tests: Driver [--types | ARGUMENT...]; see ../encoders.py. */
public final class Driver {
	private static boolean sending;

	private Driver() {
	}

	private static byte[] octets(String digits) {
		byte[] octets = new byte[matched("([0-9A-Fa-f]{2})*", digits).group().length() / 2];
		for (int i = 0; i < octets.length; i++)
			octets[i] = (byte) Integer.parseInt(digits.substring(2 * i, 2 * i + 2), 16);
		return octets;
	}

	private static Matcher matched(String pattern, String text) {
		Matcher matcher = Pattern.compile(pattern).matcher(text);
		if (!matcher.matches())
			throw new IllegalArgumentException(text);
		return matcher;
	}

	private static String parse(List<String> given) {
		String zone = null;
		byte[] nonce = null;
		int[] part = null;
		SiteboundReport.Key key = null;
		Map<String, Object> fields = new LinkedHashMap<>();
		int at = 0;
		for (; at < given.size() && given.get(at).matches("-[znpks]"); at++) {
			Matcher matcher;
			switch (given.get(at)) {
			case "-s":
				sending = true;
				break;
			case "-z":
				zone = given.get(++at);
				break;
			case "-n":
				nonce = octets(given.get(++at));
				break;
			case "-p":
				matcher = matched("(0|[1-9][0-9]?)/([1-9][0-9]?)", given.get(++at));
				part = new int[] {Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2))};
				break;
			default:
				matcher = matched("(0|[1-9][0-9]{0,2}):(.*)", given.get(++at));
				key = new SiteboundReport.Key(Integer.parseInt(matcher.group(1)), octets(matcher.group(2)));
			}
		}
		for (; at < given.size(); at++) {
			int equals = given.get(at).indexOf('=');
			if (equals < 0 || fields.put(given.get(at).substring(0, equals), given.get(at).substring(equals + 1)) != null)
				throw new IllegalArgumentException(given.get(at));
		}
		return SiteboundReport.encode(zone, fields, nonce, part, key);
	}

	private static int checked;

	private static void check(String what, Runnable call) {
		checked++;
		try {
			call.run();
			System.out.println("accepted: " + what);
		} catch (SiteboundReport.ReportError error) {
			if (error.getMessage().isEmpty())
				System.out.println("no message: " + what);
		}
	}

	private static void types() {
		final String zone = "r.example.net";
		final Map<String, Object> good = Collections.<String, Object>singletonMap("error.code", 7);
		Object[] bad = {null, true, 1.5, 2f, 'x', new int[1], new byte[] {'x'}, new StringBuilder("7"), new Object(), "\ud800", "a\udc00",
			Arrays.asList(1)};
		for (String field : new String[] {"error.code", "service.name", "server.ip", "server.port", "labels.x", "sitebound.access"}) {
			for (Object value : bad) {
				Map<String, Object> fields = new LinkedHashMap<>(good);
				fields.put(field, value);
				check(field + " " + value, () -> SiteboundReport.encode(zone, fields));
			}
		}
		Object[][] more = {{"raw.9", 5}, {"raw.9", null}, {"raw.9", "xyz"}, {"server.port", -1}, {"server.port", 65536L},
			{"sitebound.count", new java.math.BigInteger("9223372036854775808")}, {"raw.2", new byte[] {5}}, {"raw.1", "61"}, {null, "x"},
			{"sitebound.install_id", 12345678}};
		for (Object[] pair : more) {
			Map<String, Object> fields = new LinkedHashMap<>(good);
			fields.put((String) pair[0], pair[1]);
			check(Arrays.toString(pair), () -> SiteboundReport.encode(zone, fields));
		}
		check("no fields", () -> SiteboundReport.encode(zone, null));
		check("empty fields", () -> SiteboundReport.encode(zone, new LinkedHashMap<>()));
		check("no zone", () -> SiteboundReport.encode(null, good));
		for (int length : new int[] {0, 3, 5})
			check("nonce", () -> SiteboundReport.encode(zone, good, new byte[length], null, null));
		for (int[] part : new int[][] {{}, {0}, {-1, 2}, {2, 2}, {0, 17}, {0, 0}, {0, 1, 2}})
			check("part", () -> SiteboundReport.encode(zone, good, null, part, null));
		for (int number : new int[] {-1, 256})
			check("key", () -> new SiteboundReport.Key(number, new byte[16]));
		for (byte[] octets : new byte[][] {null, {}, new byte[15], new byte[65]})
			check("key", () -> new SiteboundReport.Key(1, octets));
		Map<String, Object> all = new LinkedHashMap<>(good);
		all.put("sitebound.count", Long.MAX_VALUE);
		all.put("raw.9", new byte[3]);
		SiteboundReport.encode(zone, all);
		System.out.println(checked);
	}

	private static void batch() throws java.io.IOException {
		BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
		PrintStream out = new PrintStream(System.out, false, "UTF-8");
		for (String line = lines.readLine(); line != null; line = lines.readLine()) {
			List<String> given = new ArrayList<>();
			for (String digits : line.split(" ", -1))
				given.add(new String(octets(digits), StandardCharsets.UTF_8));
			try {
				out.println(parse(given));
			} catch (IllegalArgumentException error) {
				out.println("! " + error.getMessage().replace('\n', ' '));
			}
		}
		out.flush();
	}

	public static void main(String[] given) throws java.io.IOException {
		if (given.length == 0) {
			batch();
		} else if (given[0].equals("--types")) {
			types();
		} else {
			String name = parse(Arrays.asList(given));
			System.out.println(name);
			if (sending) {
				SiteboundReport.Outcome outcome = SiteboundReport.send(name, null);
				System.out.println(outcome.name().toLowerCase(java.util.Locale.ROOT));
				System.exit(outcome == SiteboundReport.Outcome.ARRIVED ? 0 : outcome == SiteboundReport.Outcome.FAILED ? 1 : 3);
			}
		}
	}
}
