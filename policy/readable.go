package policy

import (
	"regexp"
	"strconv"
	"time"
)

var (
	secondsSetting = regexp.MustCompile(` expires=(\d{1,11})( |$)`)
	emptySetting   = regexp.MustCompile(` (?:until=never|schedule="")( |$)`)
)

// Readable is a line of a policy, as Diff and the records of the audit log have it, as people are told it: the end of an entry
// in UTC (RFC 3339) instead of in seconds, and of a phase nothing that is not set.
func Readable(line string) string {
	line = secondsSetting.ReplaceAllStringFunc(line, func(s string) string {
		m := secondsSetting.FindStringSubmatch(s)
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil {
			return s
		}
		return " expires=" + time.Unix(n, 0).UTC().Format(time.RFC3339) + m[2]
	})
	for emptySetting.MatchString(line) { // two of them share the space between them
		line = emptySetting.ReplaceAllString(line, "$1")
	}
	return line
}
