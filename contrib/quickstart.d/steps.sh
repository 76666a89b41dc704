# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What contrib/quickstart, contrib/unbound-dynlib and .ci/run share: packages by
# name, and a list of steps that are run, timed and counted. The caller sets
# program (the name in messages) and log_dir.

say() { printf '%s\n' "$*"; }
die() {
	printf '%s: error: %s\n' "${program:?}" "$*" >&2
	exit 1
}

# leave_spaces PROGRAM ARGUMENT...: autoconf and libtool cannot work in a path with spaces. From
# such a checkout the program runs in a copy of it, in a directory of the user's own that stays.
leave_spaces() {
	local copy sum files
	[[ ${checkout:?} == *[[:space:]]* ]] || return 0
	sum=$(cksum <<<"$checkout")
	copy=/var/tmp/sitebound-$EUID-${sum%% *}
	mkdir -m 700 "$copy" 2>/dev/null || true
	[[ -d $copy && -O $copy && ! -L $copy ]] || die "$copy is not a directory of this user"
	say "the path of this checkout has spaces, which the build cannot have: working in a copy, $copy"
	# What was copied and is not there any more goes; what was built stays.
	files=$(cd "$checkout" && find . -path ./.cache -prune -o ! -type d -print | LC_ALL=C sort)
	mkdir -p "$copy/.cache"
	if [[ -e $copy/.cache/copied ]]; then
		LC_ALL=C comm -23 "$copy/.cache/copied" - <<<"$files" | (cd "$copy" && xargs -r -d '\n' rm -f --)
	fi
	tar -C "$checkout" --exclude=./.cache -cf - . | tar -C "$copy" -xf -
	printf '%s\n' "$files" >"$copy/.cache/copied"
	exec "$copy/$1" "${@:2}"
}

# need_packages NAME...: installs what is missing; as another user than root it
# can only say what is missing.
need_packages() {
	local package line missing=()
	declare -A have=()
	while read -r package line; do
		[[ $line == ?i* ]] && have[$package]=1
	done < <(dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' "$@" 2>/dev/null || true)
	for package; do
		[[ -n ${have[$package]:-} ]] || missing+=("$package")
	done
	((${#missing[@]})) || return 0
	if ((EUID != 0)); then
		die "these packages are missing; run this as root, or install them with: apt-get install --no-install-recommends ${missing[*]}"
	fi
	say "installing packages: ${missing[*]}"
	mkdir -p "${log_dir:?}"
	if ! {
		apt-get -q -o DPkg::Lock::Timeout=300 update &&
			DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
				install --no-install-recommends "${missing[@]}"
	} >"$log_dir/packages.log" 2>&1 </dev/null; then
		tail -n 30 "$log_dir/packages.log" >&2
		die "apt-get could not install them (see above, and $log_dir/packages.log); mend the machine's apt sources or network and run this again"
	fi
}

# summary_of FILE...: reads the outputs of test programs and prints
# "PASSED FAILED SKIPPED", or nothing when they hold no summary. Understood are
# "N passed, N failed" (the last one in a file counts), cmocka and pytest.
summary_of() {
	awk '
		FNR == 1 { add_last() }
		/^[0-9]+ passed, [0-9]+ failed/ {
			last_p = $1; last_f = $3; last_s = ($6 ~ /^skipped/) ? $5 : 0
			last = 1
		}
		/^\[  PASSED  \] [0-9]+ test/ { p += $4; found = 1 }
		/^\[  FAILED  \] [0-9]+ test\(s\)/ { f += $4; found = 1 }
		/^\[  SKIPPED \] [0-9]+ test\(s\)/ { s += $4; found = 1 }
		/^(=+ )?([0-9]+ [a-z]+, )*[0-9]+ [a-z]+ in [0-9.]+s/ {
			for (i = 1; i < NF; i++) {
				if ($(i + 1) ~ /^passed/) p += $i
				if ($(i + 1) ~ /^(failed|error)/) f += $i
				if ($(i + 1) ~ /^skipped/) s += $i
			}
			found = 1
		}
		function add_last() {
			if (last) { p += last_p; f += last_f; s += last_s; found = 1 }
			last = 0
		}
		END { add_last(); if (found) print p + 0, f + 0, s + 0 }' "$@"
}

# trs_summary DIR NEWER: the results that automake left under DIR in files newer
# than NEWER, as "PASSED FAILED SKIPPED". A program that is one test to automake
# but prints a summary of its own counts by that.
trs_summary() {
	local trs own p f s passed=0 failed=0 skipped=0
	while read -r trs; do
		p=$(grep -Ec '^:test-result: (PASS|XFAIL)' "$trs" || true)
		f=$(grep -Ec '^:test-result: (FAIL|XPASS|ERROR)' "$trs" || true)
		s=$(grep -Ec '^:test-result: SKIP' "$trs" || true)
		if ((p + f + s == 1)) && own=$(summary_of "${trs%.trs}.log") && [[ -n $own ]]; then
			local own_p own_f own_s
			read -r own_p own_f own_s <<<"$own"
			((own_f > 0 || f == 0)) || own_f=1
			p=$own_p f=$own_f s=$own_s
		fi
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	done < <(find "$1" -name '*.trs' -newer "$2")
	printf '%s %s %s\n' "$passed" "$failed" "$skipped"
}

# make_check DIRECTORY NOTES: make check in that build directory, and when it began in its file
# .started. Three test programs at a time keep a small machine so busy that one that watches the
# clock may fail by that: what failed is run once more, alone, and what passes then is named in NOTES.
make_check() {
	local status=0 trs
	: >"$1/.started"
	# -k: all results are wanted, also when one test program fails to build. The tests
	# wait more than they compute.
	make -k -C "$1" "-j$(($(nproc) + 1))" check VERBOSE=1 || status=$?
	if ((status != 0)); then
		grep -E '^:test-result: (FAIL|ERROR)' -l -r --include='*.trs' "$1" >"$1/.again" || true
		status=0
		make -k -C "$1" recheck VERBOSE=1 || status=$?
		while read -r trs; do
			grep -Eq '^:test-result: (FAIL|ERROR)' "$trs" ||
				say "failed beside others, passed alone: $(basename "$trs" .trs)"
		done <"$1/.again" >"$2"
	fi
	return "$status"
}

# skip_reasons FILE...: the lines that say why something was skipped, in TAP,
# pytest's and our own words.
skip_reasons() {
	grep -hEi '^(ok|not ok|1\.\.0) .*# skip|^SKIPPED \[|^skip(ped)?: |^\[  SKIPPED \] [a-z]' "$@" |
		sort -u || true
}

passed_total=0 failed_total=0 skipped_total=0

# step NAME FUNCTION [ARGUMENT...]: runs it with its output in a log, and prints
# one line with the time it took. A function that has results to count writes
# "PASSED FAILED SKIPPED" to $step_counts, reasons for skips to $step_skips, and
# what else is to be seen to $step_notes; otherwise the step itself counts as one. On failure the end of
# the log is shown. Never ends the caller.
step() {
	local name=$1 status=0 started=$SECONDS p f s log
	shift
	mkdir -p "${log_dir:?}"
	log=$log_dir/${name//[^A-Za-z0-9]/-}
	step_counts=$log.counts step_skips=$log.skips step_notes=$log.notes
	log=$log.log
	rm -f "$step_counts" "$step_skips" "$step_notes"
	printf '%-44s ' "$name"
	# Not "|| status=$?", which would switch off -e inside.
	set +e
	(
		set -e
		"$@"
	) >"$log" 2>&1 </dev/null
	status=$?
	set -e
	if [[ -s $step_counts ]]; then
		read -r p f s <"$step_counts"
		if ((p + f + s == 0)); then
			echo "no test was run" >>"$log"
			f=1
		fi
		((status == 0 || f > 0)) || f=1
	else
		p=$((status == 0)) f=$((status != 0)) s=0
	fi
	passed_total=$((passed_total + p))
	failed_total=$((failed_total + f))
	skipped_total=$((skipped_total + s))
	printf '%s  %4d s  %d passed, %d failed' "$( ((f)) && echo FAIL || echo ok)" \
		$((SECONDS - started)) "$p" "$f"
	((s == 0)) || printf ', %d skipped' "$s"
	printf '\n'
	if [[ -s $step_skips ]]; then
		sed 's/^/    skipped: /' "$step_skips"
	fi
	if [[ -s $step_notes ]]; then
		sed 's/^/    /' "$step_notes"
	fi
	if ((f)); then
		tail -n "${step_tail:-40}" "$log" | sed 's/^/    /'
		say "    (all of it: $log)"
	fi
	return 0
}

# A table of steps has a row each: "WORD... | FUNCTION [ARGUMENT...] | PACKAGE... [| beside or waits]".
# The first word is its name; it and the others choose the step on a command line. The packages are those
# that nothing else needs; where one is missing the step is skipped. "waits": the step leaves most of the
# machine idle; those before it that say "beside" run with what it leaves, all at once.

# rows_of WORD... -- ROW...: sets rows to the rows that one of the words chooses, all without words.
rows_of() {
	local row word wanted=() known=' '
	while [[ $1 != -- ]]; do
		wanted+=("$1")
		shift
	done
	shift
	rows=()
	for row; do
		known+="${row%%|*} "
		((${#wanted[@]})) || rows+=("$row")
		for word in "${wanted[@]}"; do
			if [[ " ${row%%|*} " == *" $word "* ]]; then
				rows+=("$row")
				break
			fi
		done
	done
	for word in "${wanted[@]}"; do
		[[ $known == *" $word "* ]] || die "no step is called $word; there are:$known"
	done
}

is_installed() {
	[[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# install_for ROW...: the packages of these steps, as far as it can be done.
install_for() {
	local row package packages missing=()
	for row; do
		IFS='|' read -r _ _ packages _ <<<"$row"
		for package in $packages; do
			is_installed "$package" || missing+=("$package")
		done
	done
	((${#missing[@]} && EUID == 0)) || return 0
	mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
	# One that is not to be had must not keep away the others.
	(need_packages "${missing[@]}") && return
	for package in "${missing[@]}"; do
		(need_packages "$package") || true
	done
}

# run_rows ROW...: runs the steps.
run_rows() {
	local row name call packages where waits=false
	declare -A besides=()
	for row; do
		[[ $row != *'|waits' ]] || waits=true
	done
	for row; do
		IFS='|' read -r name call packages where <<<"$row"
		name=${name%% *}
		if $waits && [[ $where == beside ]]; then
			rm -f "$log_dir/$name.total"
			# shellcheck disable=SC2086 # words
			beside_step "$name" with_packages "$packages" $call &
			besides[$name]=$!
			continue
		fi
		# shellcheck disable=SC2086 # words
		step "$name" with_packages "$packages" $call
		[[ $where == waits ]] || continue
		for name in "${!besides[@]}"; do
			join_step "$name" "${besides[$name]}"
		done
	done
}

# beside_step STEP...: a step in a process of its own, which leaves what it prints and its numbers in files.
beside_step() {
	passed_total=0 failed_total=0 skipped_total=0
	renice -n 19 -p "$BASHPID" >/dev/null
	step "$@" >"$log_dir/$1.line"
	printf '%d %d %d\n' "$passed_total" "$failed_total" "$skipped_total" >"$log_dir/$1.total"
}

# join_step NAME PID: waits for it, and shows and counts it.
join_step() {
	local p=0 f=1 s=0
	wait "$2" || true
	cat "$log_dir/$1.line"
	read -r p f s <"$log_dir/$1.total" || true
	passed_total=$((passed_total + p)) failed_total=$((failed_total + f)) skipped_total=$((skipped_total + s))
}

# with_packages "PACKAGE..." FUNCTION [ARGUMENT...]
with_packages() {
	local package
	for package in $1; do
		is_installed "$package" || skip_step "the package $package is not installed"
	done
	shift
	"$@"
}

# skip_step REASON: ends the step that calls it as one skip.
skip_step() {
	printf '0 0 1\n' >"$step_counts"
	printf '%s\n' "$*" >"$step_skips"
	exit 0
}

# finish: the last line and the exit status.
finish() {
	((skipped_total == 0)) || say "$skipped_total skipped"
	say "$passed_total passed, $failed_total failed"
	((failed_total == 0 && passed_total > 0))
}
