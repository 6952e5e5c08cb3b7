package ship

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/internal/proxytest"
)

// A receiver's URL may hold a token. Neither an outage nor a response that repeats the URL puts it into the
// operator's log.
func TestSecretsInErrors(t *testing.T) {
	const token = "S3cr3tMark"
	gone := proxytest.Unused(t)
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, "no such page: %s (%s)", r.RequestURI, "http://user:"+token+"@"+r.Host)
	}))
	defer echo.Close()
	for _, host := range []string{gone, strings.TrimPrefix(echo.URL, "http://")} {
		l := openLog(t, audit.Options{})
		r := run(t, l, ReceiverSpec{OTLP: "http://" + host + "/v1/logs?token=" + token, From: Oldest})
		write(t, l, 1)
		const said = "audit records not shipped, they wait in the log"
		eventually(t, said, func() bool { return r.logged.FilterMessage(said).Len() > 0 })
		r.stop()
		for _, e := range r.logged.All() {
			text := fmt.Sprint(e.Message, e.ContextMap())
			if strings.Contains(text, token) {
				t.Errorf("the log says %s", text)
			}
		}
	}
}

// So do the errors of the settings.
func TestSecretsInSettings(t *testing.T) {
	for _, r := range []*ReceiverSpec{{OTLP: "ftp://h/?token=S3cr3tMark"}, {OTLP: "https://u:S3cr3tMark@h/"}, {Syslog: "tls://h:1/?S3cr3tMark"}} {
		r.check(func(field, hint, format string, args ...any) {
			if text := fmt.Sprintf(format, args...); strings.Contains(text, "S3cr3tMark") {
				t.Errorf("%s: %s", field, text)
			}
		})
	}
}

// A pending checkpoint does not count as a pending record.
func TestLagIsOfRecords(t *testing.T) {
	l := openLog(t, audit.Options{})
	write(t, l, 1)
	s := &Shipper{log: l}
	s.stats.oldest.Store(time.Now().Add(-21 * time.Second).UnixMilli())
	if st := s.Stats(); st.LagRecords != 1 || st.Lag < 21*time.Second {
		t.Errorf("a record waits: %+v", st)
	}
	s.stats.seq.Store(l.LastSeq())
	if st := s.Stats(); st.LagRecords != 0 || st.Lag != 0 {
		t.Errorf("none waits: %+v", st)
	}
}
