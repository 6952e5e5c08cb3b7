package audit_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"webproxy/audit"
)

func TestDecode(t *testing.T) {
	const head = `{"v":1,"type":"system.start","ts":"2026-11-24T07:01:49.123Z","seq":7`
	tests := []struct{ want, line string }{ // want: words of the error; "" for none
		{"", head + `}`},
		{"", head + "}\n"},
		{"", head + `,"port":65535,"bytes_in":9223372036854775807}`},
		{"", head + `,"host":"a\u0000\"b","client":""}`},
		{"", strings.ReplaceAll(head, ",", " ,\t") + " }\r\n"},
		{"", head + `,"added":[]}`},
		// a later version's additions
		{"", head + `,"new":{"deep":[1,{"x":null}]},"other":-1.5e3}`},
		{"", strings.Replace(head, "system.start", "system.later", 1) + `}`},
		// what only a version raised may do
		{"later version", strings.Replace(head, `"v":1`, `"v":2`, 1) + `}`},
		// incomplete
		{"without a version", `{"type":"system.start","ts":"2026-11-24T07:01:49.123Z","seq":7}`},
		{"without a type", `{"v":1,"ts":"2026-11-24T07:01:49.123Z","seq":7}`},
		{"without a time", `{"v":1,"type":"system.start","seq":7}`},
		{"without a sequence", `{"v":1,"type":"system.start","ts":"2026-11-24T07:01:49.123Z"}`},
		{"without a version", `{}`},
		{"an object", ``},
		{"an object", `null`},
		{`"," or "}"`, head},
		{"closing quote", head + `,"host":"a`},
		{"closing quote", head + `,"host":"a\`},
		{"nothing after", head + `} {}`},
		// ambiguous: two parsers could read it in two ways
		{"host is there twice", head + `,"host":"a","host":"b"}`},
		{"seq is there twice", head + `,"se\u0071":8}`},
		// of the wrong type
		{"host: ", head + `,"host":null}`},
		{"port: ", head + `,"port":"443"}`},
		{"port: ", head + `,"port":65536}`},
		{"port: ", head + `,"port":-1}`},
		{"port: ", head + `,"port":0443}`},
		{`"," or "}"`, head + `,"port":443.0}`},
		{"bytes_in: ", head + `,"bytes_in":9223372036854775808}`},
		{"dur_ms: ", head + `,"dur_ms":9223372036854775807}`},
		{"inspected: ", head + `,"inspected":1}`},
		{"client: ", head + `,"client":"10.0.0.256"}`},
		{"client: ", head + `,"client":"fe80::1%eth0"}`},
		{"added: ", head + `,"added":["a"}`},
		{"added: ", head + `,"added":[1]}`},
		{"ts: ", `{"v":1,"type":"system.start","ts":"2026-11-24T08:01:49.123+01:00","seq":7}`},
		{"ts: ", `{"v":1,"type":"system.start","ts":"2026-11-24T07:01:49Z","seq":7}`},
		{"ts: ", `{"v":1,"type":"system.start","ts":"2026-13-24T07:01:49.123Z","seq":7}`},
		// not JSON
		{"UTF-8", head + ",\"host\":\"\xff\"}"},
		{"escaped", head + ",\"host\":\"\x01\"}"},
		{"proper escapes", head + `,"host":"\x"}`},
		{"a value", head + `,"new":}`},
		{"a value", head + `,"new":[1}`},
		{"longer than", head + `,"host":"` + strings.Repeat("x", 1<<20) + `"}`},
	}
	for _, tt := range tests {
		_, err := audit.Decode([]byte(tt.line))
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("Decode(%.200s) = %v, want %q", tt.line, err, tt.want)
		}
	}
}

// What decodes is JSON, and once written by us, it is read as it was written.
func FuzzDecode(f *testing.F) {
	golden, err := filepath.Glob("testdata/golden/*.json")
	if err != nil || len(golden) == 0 {
		f.Fatal("no golden records", err)
	}
	for _, path := range golden {
		line, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
	}
	f.Add([]byte(`{"v":1,"type":"x","ts":"0000-01-01T00:00:00.000Z","seq":1,"host":"\ud800\u007f","added":["?"],"new":[{}]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := audit.Decode(line)
		if err != nil {
			return
		}
		if !json.Valid(line) {
			t.Fatalf("Decode(%q) takes what is not JSON", line)
		}
		once, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := audit.Decode(once)
		if err != nil {
			t.Fatalf("Decode(%s): %v", once, err)
		}
		twice, err := json.Marshal(again)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(once, twice) {
			t.Fatalf("not stable:\n%s\n%s", once, twice)
		}
	})
}
