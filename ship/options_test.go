package ship

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"webproxy/audit"
	"webproxy/internal/setting"
)

func TestCheck(t *testing.T) {
	syslog := func(change func(r *ReceiverSpec)) ReceiverSpec {
		r := ReceiverSpec{Syslog: "tls://siem.example.com:6514"}
		change(&r)
		return r
	}
	otlp := func(change func(r *ReceiverSpec)) ReceiverSpec {
		r := ReceiverSpec{OTLP: "https://otel.example.com:4318"}
		change(&r)
		return r
	}
	vl := func(change func(r *ReceiverSpec)) ReceiverSpec {
		r := ReceiverSpec{VictoriaLogs: "https://logs.example.com:9428"}
		change(&r)
		return r
	}
	at := func(kind, url string) ReceiverSpec {
		if kind == "syslog" {
			return ReceiverSpec{Syslog: url}
		}
		return ReceiverSpec{OTLP: url}
	}
	tests := []struct {
		want string // in the only error; "" for none
		r    ReceiverSpec
	}{
		{"", syslog(func(r *ReceiverSpec) {
			r.CA, r.Cert, r.Key, r.ServerName, r.Facility, r.MaxMessage, r.Confirm = "a", "b", "c", "d", 3, 2048, Write
			r.Where, r.Checkpoints, r.From = "decision!=allow", true, Oldest
		})},
		{"", otlp(func(r *ReceiverSpec) {
			r.CA, r.Headers, r.TokenFile, r.Compression = "a", map[string]string{"X-Scope-OrgID": "hci"}, "t", None
		})},
		{"", at("syslog", "tcp://[::1]:601")},
		{"", vl(func(r *ReceiverSpec) {})},
		{"", vl(func(r *ReceiverSpec) {
			r.VictoriaLogs, r.TokenFile, r.Cert, r.Key = "https://logs.example.com/vl/", "t", "c", "k"
			r.Headers, r.Confirm, r.ReadbackAfter = map[string]string{"AccountID": "7"}, Readback, setting.Duration(5*time.Second)
		})},
		{"", vl(func(r *ReceiverSpec) { r.Confirm = Write })},
		{"", at("otlp", "http://127.0.0.1:4318/otlp/v1/logs?tenant=a")},
		// where it is
		{"x: names no receiver", ReceiverSpec{}},
		{"x.otlp: is set, and syslog too", ReceiverSpec{Syslog: "tls://a:1", OTLP: "https://a"}},
		{`x.syslog: "siem:514": does not begin with tls:// or tcp://`, at("syslog", "siem:514")},
		{"does not begin with tls://", at("syslog", "udp://siem:514")},
		{"without a port", at("syslog", "tls://siem")},
		{"without a host", at("syslog", "tcp://:601")},
		{"more than a host and a port", at("syslog", "tcp://siem:601/x")},
		{"has a user in it", at("syslog", "tcp://me@siem:601")},
		{"port 0", at("syslog", "tcp://siem:0")},
		{"port 70000", at("syslog", "tcp://siem:70000")},
		{"not a URL", at("syslog", "tcp://siem:x")},
		{`x.otlp: "otel:4318": does not begin with https://`, at("otlp", "otel:4318")},
		{"has a user in it", at("otlp", "https://me:secret@otel")},
		{"fragment", at("otlp", "https://otel#x")},
		// what does not fit
		{"x.headers: is for receivers with otlp only", syslog(func(r *ReceiverSpec) { r.Headers = map[string]string{} })},
		{"x.token_file: is for", syslog(func(r *ReceiverSpec) { r.TokenFile = "t" })},
		{"x.compression: is for", syslog(func(r *ReceiverSpec) { r.Compression = None })},
		{"x.facility: is for receivers with syslog only", otlp(func(r *ReceiverSpec) { r.Facility = 1 })},
		{"x.max_message: is for", otlp(func(r *ReceiverSpec) { r.MaxMessage = 4096 })},
		{"x.confirm: is for receivers with syslog only", otlp(func(r *ReceiverSpec) { r.Confirm = Write })},
		{"", otlp(func(r *ReceiverSpec) { r.Confirm = Close })}, // see IgnoredConfirm
		{"x.confirm: is for receivers with victorialogs only", syslog(func(r *ReceiverSpec) { r.Confirm = Readback })},
		{"x.confirm: is for receivers with victorialogs only", otlp(func(r *ReceiverSpec) { r.Confirm = Readback })},
		{"x.readback_after: is for receivers with victorialogs only", otlp(func(r *ReceiverSpec) { r.ReadbackAfter = 7 })},
		{"", vl(func(r *ReceiverSpec) { r.Confirm = Close })},
		{"", syslog(func(r *ReceiverSpec) { r.Confirm = Close })},
		{"x.readback_after: is set, and nothing is read back", vl(func(r *ReceiverSpec) { r.Confirm, r.ReadbackAfter = Write, setting.Duration(time.Minute) })},
		{"x.readback_after: 4s is not from 5s to 1h", vl(func(r *ReceiverSpec) { r.ReadbackAfter = setting.Duration(4 * time.Second) })},
		{"x.readback_after: off is not from", vl(func(r *ReceiverSpec) { r.ReadbackAfter = setting.Off })},
		{"x.facility: is for receivers with syslog only", vl(func(r *ReceiverSpec) { r.Facility = 1 })},
		{"x.victorialogs: is set, and syslog or otlp too", vl(func(r *ReceiverSpec) { r.OTLP = "https://a" })},
		{"does not begin with https://", vl(func(r *ReceiverSpec) { r.VictoriaLogs = "logs:9428" })},
		{"has a query", vl(func(r *ReceiverSpec) { r.VictoriaLogs += "/?token=a" })},
		{"has the path of a request", vl(func(r *ReceiverSpec) { r.VictoriaLogs += "/insert/opentelemetry/v1/logs" })},
		{"x.headers.vl-stream-fields: is set by webproxy", vl(func(r *ReceiverSpec) { r.Headers = map[string]string{"vl-stream-fields": "a"} })},
		{"x.max_message: 1KiB is not from 2KiB", syslog(func(r *ReceiverSpec) { r.MaxMessage = 1024 })},
		{"x.max_message: 2MiB is not from 2KiB", syslog(func(r *ReceiverSpec) { r.MaxMessage = 2 << 20 })},
		{"x.cert: cert and key belong together", syslog(func(r *ReceiverSpec) { r.Key = "k" })},
		{"x.ca: is set, but the connection is not encrypted", ReceiverSpec{Syslog: "tcp://a:1", CA: "c"}},
		{"x.where: ", syslog(func(r *ReceiverSpec) { r.Where = "decision=" })},
		{`x.headers.a b: "a b" is not a header name`, otlp(func(r *ReceiverSpec) { r.Headers = map[string]string{"a b": "c"} })},
		{"x.headers.a: has other than printable", otlp(func(r *ReceiverSpec) { r.Headers = map[string]string{"a": "c\nd"} })},
		{"x.headers.content-type: is set by webproxy", otlp(func(r *ReceiverSpec) { r.Headers = map[string]string{"content-type": "c"} })},
		{"x.headers.authorization: is set, and token_file too", otlp(func(r *ReceiverSpec) { r.TokenFile, r.Headers = "t", map[string]string{"authorization": "c"} })},
		{"x.token_file: would be sent to another machine unencrypted", ReceiverSpec{OTLP: "http://otel:4318", TokenFile: "t"}},
	}
	for _, tt := range tests {
		err := Check(map[string]ReceiverSpec{"x": tt.r})
		if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%+v:\n got %v\nwant %q", tt.r, err, tt.want)
		}
	}
	for _, name := range []string{"", "A", "a/b", "..", "a b", strings.Repeat("a", 33), "-a"} {
		if err := Check(map[string]ReceiverSpec{name: at("syslog", "tls://a:1")}); err == nil || !strings.Contains(err.Error(), "want a name") {
			t.Errorf("name %q: %v", name, err)
		}
	}
	if err := Check(map[string]ReceiverSpec{"siem-1_a": at("syslog", "tls://a:1")}); err != nil {
		t.Error(err)
	}
}

func TestExposed(t *testing.T) {
	for url, want := range map[string]bool{
		"tcp://siem:601": true, "tls://siem:6514": false, "tcp://127.0.0.1:601": false, "tcp://localhost:601": false, "tcp://[::1]:601": false,
		"tcp://10.0.0.1:601": true, "http://otel:4318": true, "https://otel:4318": false, "http://127.0.0.1:4318": false,
	} {
		r := ReceiverSpec{Syslog: url}
		if strings.HasPrefix(url, "http") {
			r = ReceiverSpec{OTLP: url}
		}
		if got := r.Exposed(); got != want {
			t.Errorf("%s is exposed: %v", url, got)
		}
	}
}

// Words are read as they are written.
func TestWords(t *testing.T) {
	var all []string
	for _, w := range facilityWords {
		var f Facility
		if err := f.UnmarshalText([]byte(w)); err != nil || f.String() != w {
			t.Errorf("%s: %v, %v", w, f, err)
		}
		all = append(all, w)
	}
	if len(all) != len(facilityCodes) || slices.Contains(all, "kern") {
		t.Errorf("%d words, %d codes", len(all), len(facilityCodes))
	}
	var from From
	var confirm Confirm
	var compression Compression
	if from.String() != "now" || confirm.String() != "default" || compression.String() != "gzip" {
		t.Errorf("defaults %v %v %v", from, confirm, compression)
	}
	if err := from.UnmarshalText([]byte("Now")); err == nil {
		t.Error("Now is taken for now")
	}
	for _, w := range []string{"close", "write", "readback"} {
		if err := confirm.UnmarshalText([]byte(w)); err != nil || confirm.String() != w {
			t.Errorf("%s: %v, %v", w, confirm, err)
		}
	}
	if Confirm(9).String() == "" {
		t.Error("no word for a value that is none")
	}
}

// Invalid files, and an invalid position, are reported before anything is sent.
func TestNew(t *testing.T) {
	l := openLog(t, audit.Options{})
	position := positionPath(l.Dir(), "test")
	tests := []struct {
		want string
		r    ReceiverSpec
		text string // of the position
	}{
		{"ship.test: ca: open nowhere.pem", ReceiverSpec{Syslog: "tls://a:1", CA: "nowhere.pem"}, ""},
		{"ship.test: ca: options_test.go: no certificate in it", ReceiverSpec{Syslog: "tls://a:1", CA: "options_test.go"}, ""},
		{"ship.test: cert: ", ReceiverSpec{OTLP: "https://a", Cert: "x", Key: "y"}, ""},
		{"ship.test: token_file: ", ReceiverSpec{OTLP: "https://a", TokenFile: "nowhere"}, ""},
		{"ship.test: read position " + position, ReceiverSpec{Syslog: "tcp://a:1"}, "{"},
		{"version 2 is not known; without the file, shipping begins as for a new receiver", ReceiverSpec{Syslog: "tcp://a:1"}, `{"v":2}`},
	}
	for _, tt := range tests {
		if tt.text != "" {
			writeFile(t, position, tt.text)
		}
		_, err := New(Config{Name: "test", Spec: tt.r, Log: l, Logger: zap.NewNop()})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.r, err, tt.want)
		}
	}
}
