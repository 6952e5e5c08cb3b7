package audit_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"webproxy/audit"
	"webproxy/internal/proxytest"
	"webproxy/proxy"
)

// What clients were told, what the origin saw and what the log says are the same numbers, storms
// included; and the id in each refusal leads to a decision about that host.
func TestStormIsTold(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	l := open(t, audit.Options{Dir: dir})
	var reached atomic.Int64
	p := proxytest.Start(t, proxytest.Config{
		Origin: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }),
		Setup:  func(s *proxy.Server) { s.Audit = l },
	})
	const workers, each = 8, 250
	id := regexp.MustCompile(`id=([0-9A-Z]+)`)
	var told sync.Map // id -> host
	var denied, allowed atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range each {
				host := fmt.Sprintf("h%d.example.org", i%2)
				url := "http://" + host + "/"
				if i%10 == 9 {
					url = p.URL("/")
				}
				resp, err := p.Client.Get(url)
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					allowed.Add(1)
					continue
				}
				denied.Add(1)
				m := id.FindStringSubmatch(resp.Status)
				if m == nil || !strings.Contains(resp.Status, host) {
					t.Errorf("refused with %q", resp.Status)
					return
				}
				told.Store(m[1], host)
			}
		})
	}
	wg.Wait()
	p.Server.Shutdown(t.Context())
	l.Close()

	records, stats := read(t, dir)
	var denials, allows, closes int64
	decided := map[string]string{}
	for _, r := range records {
		switch {
		case r.Type == audit.TypeClose:
			closes++
		case r.Type == audit.TypeRepeat:
			denials += r.Count
		case r.Decision == "deny":
			denials++
			decided[r.ID] = r.Host
		case r.Decision == "allow":
			allows++
		}
	}
	if denials != denied.Load() || allows != allowed.Load() || allows != reached.Load() || closes != allows {
		t.Errorf("clients: %d denied, %d allowed; origin: %d; log: %d denied, %d allowed, %d closed",
			denied.Load(), allowed.Load(), reached.Load(), denials, allows, closes)
	}
	if l.Repeated() == 0 || stats.Missing+stats.Repeated+stats.Unreadable != 0 {
		t.Errorf("%d repeated; %+v", l.Repeated(), stats)
	}
	told.Range(func(id, host any) bool {
		if decided[id.(string)] != host {
			t.Errorf("id %v was told for %v; its decision is about %q", id, host, decided[id.(string)])
		}
		return true
	})
	wantSound(t, dir, audit.VerifyOptions{})
}
