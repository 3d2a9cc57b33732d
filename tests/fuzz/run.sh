#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
#	tests/fuzz/run.sh SECONDS	fuzzes every target for its share of the time (clang, libFuzzer)
#	tests/fuzz/run.sh replay	feeds the stored corpora to every target once (gcc)
#	tests/fuzz/run.sh ... NAME...	only these targets: advert, frame, ...
#
# A target is fuzz_NAME.c with lines "sources: FILE ..." that name what it is linked with; gen/FILE is
# a generated one.  New inputs and findings go to build/fuzz/NAME/.  Both modes use the address and the
# undefined-behaviour sanitizer, print a line per target and a last line, and fail on a finding.
set -u
cd "$(dirname "$0")/../.." || exit 2

usage() {
	sed -n 's/^#\t//p' tests/fuzz/run.sh >&2
	exit 2
}

mode=${1:-}
case $mode in
replay) ;;
*[!0-9]* | '' | 0*) usage ;;
esac
shift
if [ $# -eq 0 ]; then
	for file in tests/fuzz/fuzz_*.c; do
		name=${file##*/fuzz_}
		set -- "$@" "${name%.c}"
	done
fi

FLAGS='-std=gnu11 -g -O1 -fno-omit-frame-pointer -fno-sanitize-recover=undefined -D_GNU_SOURCE'
LIBS='-lprotobuf-c -lsodium -lev'
OUT=build/fuzz
mkdir -p $OUT

# sources NAME: the files that its target names, generated ones made first
sources() {
	for file in $(sed -n 's|.*sources: *\([^*]*\).*|\1|p' "tests/fuzz/fuzz_$1.c"); do
		case $file in
		gen/*)
			make -s --no-print-directory "build/$file" >&2 || return 1
			echo "build/$file"
			;;
		*) echo "$file" ;;
		esac
	done
}

# build NAME COMPILER SANITIZERS EXTRA...: the program, its messages in a log of its own
build() {
	name=$1 compiler=$2 sanitizers=$3
	shift 3
	files=$(sources "$name") && [ -n "$files" ] || return 1
	# shellcheck disable=SC2086 # lists of words
	$compiler $FLAGS -fsanitize="$sanitizers" -I. -Ibuild/gen -o "$OUT/$run-$name" \
		"tests/fuzz/fuzz_$name.c" "$@" $files $LIBS >"$OUT/$name.log" 2>&1
}

replay() {
	build "$1" "${CC:-gcc}" address,undefined tests/fuzz/replay.c || return 2
	inputs=$("$OUT/replay-$1" tests/fuzz/corpus/"$1"/* 2>"$OUT/$1.log") || return 1
	printf '%-10s ok, %s inputs\n' "$1" "$inputs"
}

fuzz() {
	build "$1" "${CLANG:-clang-14}" fuzzer,address,undefined || return 2
	mkdir -p "$OUT/$1"
	"$OUT/fuzz-$1" -max_total_time="$share" -timeout=10 -rss_limit_mb=1024 -max_len=8192 \
		-print_final_stats=1 -artifact_prefix="$OUT/$1-finding-" \
		"$OUT/$1" "tests/fuzz/corpus/$1" >"$OUT/$1.log" 2>&1 || return 1
	printf '%-10s ok, %s runs in %s s\n' "$1" \
		"$(sed -n 's/^stat::number_of_executed_units: *//p' "$OUT/$1.log")" "$share"
}

if [ "$mode" = replay ]; then
	run=replay
else
	run=fuzz
	share=$((mode / $#))
	[ $share -gt 0 ] || share=1
fi
findings=0
for name; do
	$run "$name"
	case $? in
	0) ;;
	1)
		printf '%-10s FAILED\n' "$name"
		tail -n 40 "$OUT/$name.log" >&2
		findings=$((findings + 1))
		;;
	*)
		printf '%-10s DOES NOT BUILD\n' "$name"
		[ ! -f "$OUT/$name.log" ] || tail -n 20 "$OUT/$name.log" >&2
		findings=$((findings + 1))
		;;
	esac
done
echo "fuzz: $# targets, $findings failed"
[ $findings -eq 0 ]
