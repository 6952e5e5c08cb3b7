package audit_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"webproxy/audit"
)

func TestGlance(t *testing.T) {
	dir := t.TempDir()
	if got := audit.Glance(dir, 3); got != nil {
		t.Errorf("of no log: %v", got)
	}
	var b bytes.Buffer
	for i := range 3000 { // more than is read
		fmt.Fprintf(&b, `{"v":1,"type":"egress.decision","ts":"2026-11-24T10:03:01.185Z","seq":%d,"id":"%06d","host":"www.example.com","port":443,"decision":"deny","reason":"host_not_listed","policy":"sha256:254a2983479a","mode":"enforce"}`+"\n", i+1, i+1)
	}
	b.WriteString("no record\n{\"v\":1,\"type\":\"egress.dec") // being written
	if err := os.WriteFile(filepath.Join(dir, "audit.ndjson"), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	got := audit.Glance(dir, 2)
	if len(got) != 2 || got[0].ID != "003000" || got[1].ID != "002999" {
		t.Errorf("the last two: %v", got)
	}
	if n := len(audit.Glance(dir, 1e6)); n < 500 || n >= 3000 {
		t.Errorf("%d records at the end", n)
	}
}
