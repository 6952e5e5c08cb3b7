package policy_test

import (
	"net/url"
	"path"
	"strings"
	"testing"

	"webproxy/policy"
)

// FuzzMatchPath: whatever a server makes of a path that an entry admits stays below the entry's prefix.
func FuzzMatchPath(f *testing.F) {
	for _, s := range []string{
		"a", "a/b", "MFQw%2Fo6//x", "../x", "a/..%2f../x", "%2e%2e/x", "..;a=b/x", ".%3B/x", `..\x`, "%5c..%5cx", "%252e%252e/x",
		"%25%32%65./x", "%c0%ae./x", "%", "%zz", "..%20/x", "100%25", "a;b/c", "%25u002e", "a%00", "./", "..",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		s = "/pub/" + s
		if !policy.MatchPath("/pub/*", s) {
			t.Skip()
		}
		for decoded, n := s, 0; n < 3; n++ {
			for _, noParameters := range []bool{false, true} {
				for _, backslash := range []string{`\`, "/"} {
					read := strings.ReplaceAll(decoded, `\`, backslash)
					if noParameters {
						read = cutParameters(read)
					}
					if clean := path.Clean(read) + "/"; !strings.HasPrefix(clean, "/pub/") {
						t.Fatalf("%q is admitted below /pub/, and can be read as %q", s, clean)
					}
				}
			}
			next, err := url.PathUnescape(decoded)
			if err != nil {
				break
			}
			decoded = next
		}
	})
}

func cutParameters(p string) string {
	segments := strings.Split(p, "/")
	for i, s := range segments {
		segments[i], _, _ = strings.Cut(s, ";")
	}
	return strings.Join(segments, "/")
}
