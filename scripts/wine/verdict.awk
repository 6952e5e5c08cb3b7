# Judges what a test binary printed under wine, with its exit code in the variable code: ends with 0 if it passed, else prints why not.
# It passed if it ended with PASS and 0. Seen under wine 8: tests fail only since Go cannot remove their TempDir; the cause is not known.
# So FAIL passes too, and is said, if every failed test printed that and nothing else.
{ sub(/\r$/, "") }
/^[ \t]*$/ { next }
{ last = $0 }
/^PASS$/ { next }
/^ *--- FAIL: / { ends_test(); open = 1; depth = match($0, /-/); own = 0; next }
/^FAIL$/ { ends_test(); next }
/^ +[A-Za-z0-9_]+\.go:[0-9]+: TempDir RemoveAll cleanup: / && open { own++; removals++; next }
{ other++; if (first == "") first = $0 }
# A failed test without a message of its own failed because of a subtest, whose line comes next and is indented further.
function ends_test() {
	if (!open) return
	if (!own && !(match($0, /-/) > depth && $0 ~ /--- FAIL: /)) { other++; if (first == "") first = "a test failed without a message" }
	open = 0
}
END {
	if (last == "PASS" && code == 0) exit 0
	if (last == "FAIL" && code == 1 && removals && !other) { print "passed, but for " removals " TempDirs that wine could not remove"; exit 0 }
	if (first == "") first = "the last line is \"" last "\""
	print "exit code " code ", " first
	exit 1
}
