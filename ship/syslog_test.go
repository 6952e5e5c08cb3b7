package ship

import (
	"bufio"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/internal/setting"
)

// newItem is r as it comes from the log.
func newItem(t *testing.T, r audit.Record) item {
	t.Helper()
	r.V, r.Seq, r.Time = audit.Version, 7, time.Date(2026, 11, 24, 7, 1, 49, 123e6, time.UTC)
	line, err := r.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return item{record: r, line: string(line), through: 7}
}

func TestSyslogMessage(t *testing.T) {
	denied := decision()
	denied.Decision = "deny"
	learnt := decision()
	learnt.Decision = "would_deny"
	tests := []struct {
		want     string // of the message's header
		r        audit.Record
		facility string
		host     string
	}{
		{"<134>1 2026-11-24T07:01:49.123Z proxy1 webproxy - egress.decision - ", decision(), "local0", "proxy1"},
		{"<132>1 2026-11-24T07:01:49.123Z proxy1 webproxy - egress.decision - ", denied, "local0", "proxy1"},
		{"<133>1 2026-11-24T07:01:49.123Z proxy1 webproxy - egress.decision - ", learnt, "local0", "proxy1"},
		{"<134>1 2026-11-24T07:01:49.123Z proxy1 webproxy - egress.close - ", audit.Record{Type: audit.TypeClose}, "local0", "proxy1"},
		{"<133>1 2026-11-24T07:01:49.123Z proxy1 webproxy - admin.mode - ", audit.Record{Type: audit.TypeMode}, "local0", "proxy1"},
		{"<131>1 2026-11-24T07:01:49.123Z proxy1 webproxy - system.gap - ", audit.Record{Type: audit.TypeGap}, "local0", "proxy1"},
		{"<190>1 2026-11-24T07:01:49.123Z - webproxy - egress.decision - ", decision(), "local7", ""},
		{"<86>1 2026-11-24T07:01:49.123Z b?d?n?me webproxy - egress.decision - ", decision(), "authpriv", "b d\nnäme"},
		{"<133>1 2026-11-24T07:01:49.123Z proxy1 webproxy - " + strings.Repeat("x", 32) + " - ", audit.Record{Type: audit.Type(strings.Repeat("x", 40))}, "local0", "proxy1"},
	}
	for _, tt := range tests {
		spec := &ReceiverSpec{}
		if err := spec.Facility.UnmarshalText([]byte(tt.facility)); err != nil {
			t.Fatal(err)
		}
		f := newSyslogFormat(spec, tt.host)
		i := newItem(t, tt.r)
		b, err := f.append(nil, &i)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readMessage(bufio.NewReader(strings.NewReader(string(b))))
		if err != nil || got != tt.want+i.line {
			t.Errorf("%s: %v\n got %s\nwant %s%s", tt.facility, err, got, tt.want, i.line)
		}
	}
}

// What is longer than a receiver takes is shortened, and says so; it remains a record.
func TestLongRecords(t *testing.T) {
	reload := audit.Record{Type: audit.TypeReload, Detail: "installed", By: "alice"}
	for range 200 {
		reload.Added = append(reload.Added, "allow x https://"+strings.Repeat("a", 200)+".example.com")
		reload.Removed = append(reload.Removed, "allow y https://b.example.com")
	}
	path := decision()
	path.Path = "/" + strings.Repeat("é\x01", 600)
	worst := decision()
	for _, s := range []*string{&worst.Path, &worst.Detail, &worst.Host, &worst.SNI, &worst.RuleSource, &worst.Rule, &worst.ClientName, &worst.By, &worst.Ticket} {
		*s = strings.Repeat("\x01", 5000)
	}
	more := regexp.MustCompile(`^… and (\d+) more$`)
	for _, limit := range []setting.Size{2 << 10, 8 << 10} {
		for name, r := range map[string]audit.Record{"reload": reload, "path": path, "worst": worst} {
			f := newSyslogFormat(&ReceiverSpec{MaxMessage: limit}, "proxy1")
			i := newItem(t, r)
			before := i.line
			b, err := f.append(nil, &i)
			if err != nil {
				t.Fatal(err)
			}
			message, err := readMessage(bufio.NewReader(strings.NewReader(string(b))))
			if err != nil || len(message) > int(limit) {
				t.Errorf("%s: message of %d bytes, %v, limit %v", name, len(message), err, limit)
			}
			_, text, _ := strings.Cut(message, " - "+string(r.Type)+" - ")
			got, err := audit.Decode([]byte(text))
			if err != nil {
				t.Fatalf("%s: %v: %s", name, err, text)
			}
			if i.line != before || got.Seq != 7 || got.By == "" && r.By != "" || got.Decision != r.Decision {
				t.Errorf("%s: got %+v", name, got)
			}
			if name != "reload" {
				if name == "worst" != strings.HasSuffix(got.Host, "…") || !strings.HasSuffix(got.Path, "…") && len(before) > int(limit)-100 {
					t.Errorf("%s, limit %v: host %q, path %q", name, limit, got.Host, got.Path)
				}
				continue
			}
			m := more.FindStringSubmatch(got.Added[len(got.Added)-1])
			if m == nil || len(got.Added) < 3 && limit > 4<<10 || got.Added[0] != reload.Added[0] && len(got.Added) > 1 {
				t.Errorf("limit %v: added is %q", limit, got.Added)
			}
			if n := len(got.Added) - 1; m != nil && m[1] != itoa(200-n) {
				t.Errorf("limit %v: %d of 200 are there, and %s more", limit, n, m[1])
			}
		}
	}
}

// A receiver that ends the connection with a reset, even after it has read everything, has confirmed nothing.
func TestResetConfirmsNothing(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	read := make(chan int64, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			read <- 0
			return
		}
		n, _ := io.Copy(io.Discard, conn)
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
		read <- n
	}()
	s := newSyslog(&ReceiverSpec{Syslog: "tcp://" + ln.Addr().String()}, "proxy1")
	defer s.close()
	n, err := s.deliver(t.Context(), []item{newItem(t, decision())}, true)
	if n != 0 || err == nil || !strings.Contains(err.Error(), "did not read everything") {
		t.Errorf("settled %d, %v", n, err)
	}
	if <-read == 0 {
		t.Error("the receiver read nothing")
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	a, other := newAuthority(t), newAuthority(t)
	dir := t.TempDir()
	a.writePair(t, dir, "client")
	l := openLog(t, audit.Options{})
	rec := listen(t, "127.0.0.1:0", &receiver{tls: a.server(t, "siem.example.com", true)})
	spec := ReceiverSpec{
		Syslog: "tls://" + rec.addr(), From: Oldest, ServerName: "siem.example.com", CA: a.writeCA(t, dir, "ca.pem"),
		Cert: filepath.Join(dir, "client.pem"), Key: filepath.Join(dir, "client-key.pem"),
	}
	write(t, l, 100)
	for _, tt := range []struct {
		want   string // in the trouble that is logged
		change func(r *ReceiverSpec)
	}{
		{"certificate signed by unknown authority", func(r *ReceiverSpec) { r.CA = other.writeCA(t, dir, "other.pem") }},
		{"not siem.example.org", func(r *ReceiverSpec) { r.ServerName = "siem.example.org" }},
		{"certificate required", func(r *ReceiverSpec) { r.Cert, r.Key = "", "" }},
	} {
		wrong := spec
		tt.change(&wrong)
		s := run(t, l, wrong)
		eventually(t, "trouble", func() bool { return s.Stats().Errors > 0 })
		s.stop()
		if got := s.logged.All(); !slices.ContainsFunc(got, func(e entryOf) bool { return strings.Contains(errorIn(e), tt.want) }) || s.Stats().Shipped != 0 {
			t.Errorf("want %q: shipped %d, logged %v", tt.want, s.Stats().Shipped, got)
		}
	}
	if n := len(rec.texts()); n != 0 {
		t.Errorf("%d records came to whom they were not for", n)
	}
	s := run(t, l, spec)
	eventually(t, "all comes", func() bool { return s.Stats().LagRecords == 0 })
	// The client's certificate is renewed: by one that is no use, and back.
	other.writePair(t, dir, "client")
	write(t, l, 1)
	eventually(t, "trouble", func() bool { return s.Stats().Errors > 0 })
	a.writePair(t, dir, "client")
	eventually(t, "the rest comes", func() bool { return s.Stats().LagRecords == 0 })
	s.stop()
	wantAll(t, rec.texts(), 101)
}
