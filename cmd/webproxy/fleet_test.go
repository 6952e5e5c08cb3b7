package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"webproxy/audit"
	"webproxy/internal/victorialogstest"
	"webproxy/ship"
)

// TestFleetScript runs testdata/fleet: the fleet commands with a real VictoriaLogs.
func TestFleetScript(t *testing.T) {
	victorialogstest.Binary(t) // or skip
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/fleet",
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"victorialogs": func(ts *testscript.TestScript, _ bool, _ []string) {
				ts.Setenv("LOGS", victorialogstest.Start(t).URL())
			},
			"deliver": scriptDeliver,
			"fill":    scriptFill,
		},
	})
}

// scriptDeliver is the script command
//
//	deliver FILE...
//
// It sends the records in files, a line each, to $LOGS, as sites do.
func scriptDeliver(ts *testscript.TestScript, _ bool, args []string) {
	url := ts.Getenv("LOGS")
	for _, file := range args {
		var records []audit.Record
		var lines []string
		for line := range strings.Lines(ts.ReadFile(file)) {
			line = strings.TrimSuffix(line, "\n")
			r, err := audit.Decode([]byte(line))
			ts.Check(err)
			records, lines = append(records, r), append(lines, line)
		}
		resp, err := http.Post(url+"/insert/opentelemetry/v1/logs", "application/x-protobuf", bytes.NewReader(ship.AppendOTLP(nil, file, "1", records, lines)))
		ts.Check(err)
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			ts.Fatalf("deliver %s: %s %s", file, resp.Status, text)
		}
	}
	resp, err := http.Get(url + "/internal/force_flush")
	ts.Check(err)
	resp.Body.Close()
}

// A server of something else than VictoriaLogs is recognised, and a token is in no message.
func TestFleetErrors(t *testing.T) {
	dir := t.TempDir()
	file, token := dir+"/fleet.yaml", dir+"/token"
	if err := os.WriteFile(token, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		status             int
		kind, body, stderr string
	}{
		{200, "text/html", "<html>log in</html>", "is victorialogs in fleet.yaml the URL of a VictoriaLogs"},
		{401, "text/plain", "no", "answers 401 Unauthorized"},
		{302, "text/html", "", "redirections are not followed"},
		{422, "text/plain", "cannot parse\n\x1b[31m s", "answers 422 Unprocessable Entity: cannot parse"},
		{200, "application/stream+json", `{"n":"5"`, "breaks off"},
		{200, "application/stream+json", "cannot execute query\n", "breaks off its answer: cannot execute query"},
		{200, "application/stream+json", "{\"n\":\"x\",\"first\":\"\"}\n", "invalid syntax"},
		{200, "application/stream+json", "{\"n\":7}\n", "with a line that is none"},
	} {
		asked := ""
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = r.Header.Get("Authorization")
			w.Header().Set("Content-Type", tt.kind)
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.WriteHeader(tt.status)
			io.WriteString(w, tt.body)
		}))
		defer server.Close()
		if err := os.WriteFile(file, []byte("victorialogs: "+server.URL+"\ntoken_file: token\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), []string{"fleet", "query", "--fleet", file, "--by", "site"}, &stdout, &stderr)
		if code != exitRuntime || !strings.Contains(stderr.String(), tt.stderr) || strings.Contains(stderr.String(), "s3cret") || strings.Contains(stderr.String(), "\x1b") {
			t.Errorf("%d %q: exit %d, %s; want %s", tt.status, tt.body, code, stderr.String(), tt.stderr)
		}
		if asked != "Bearer s3cret" {
			t.Errorf("asked as %q", asked)
		}
	}
}

// A count is printed also if what sites have not delivered yet is not known.
func TestFleetUnknownDeliveries(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.FormValue("query"), "max(_time) last, max(\"webproxy.seq\") seq") {
			http.Error(w, "not enough memory", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/stream+json")
		io.WriteString(w, "{\"n\":\"0\",\"first\":\"\",\"last\":\"\"}\n")
	}))
	defer server.Close()
	file := t.TempDir() + "/fleet.yaml"
	if err := os.WriteFile(file, []byte("victorialogs: "+server.URL+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"fleet", "query", "--fleet", file, "--by", "site", "-o", "json"}, &stdout, &stderr)
	if code != exitOK || !strings.Contains(stdout.String(), `"sites": null`) || !strings.Contains(stderr.String(), "is not known: ") || !strings.Contains(stderr.String(), "not enough memory") {
		t.Errorf("exit %d, %s%s", code, stdout.String(), stderr.String())
	}
}
