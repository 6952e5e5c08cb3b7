package victorialogstest

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// What was written before a stop in order is there after it; a process that was killed comes back too.
func TestRestart(t *testing.T) {
	s := Start(t)
	line := fmt.Sprintf(`{"_time":%q,"_msg":"hello","site":"a"}`, time.Now().Format(time.RFC3339Nano))
	resp, err := http.Post(s.URL()+"/insert/jsonline?_stream_fields=site", "application/stream+json", strings.NewReader(line))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	s.Stop()
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	s.Kill() // nothing is left to end
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	resp, err = http.Get(s.URL() + "/select/logsql/query?query=" + url.QueryEscape(`{site="a"} | fields _msg`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || string(got) != `{"_msg":"hello"}`+"\n" {
		t.Fatalf("after the restarts: %q, %v", got, err)
	}
}
