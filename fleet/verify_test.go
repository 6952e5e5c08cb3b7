package fleet_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"webproxy/audit"
	"webproxy/fleet"
	"webproxy/internal/victorialogstest"
)

// A copy in a real VictoriaLogs verifies against the site's checkpoints; with a missing or a replaced record it does not.
func TestVerifyVictoriaLogs(t *testing.T) {
	vl := victorialogstest.Start(t)
	rng := rand.New(rand.NewPCG(1, 2))
	s := writeSite(t, "oslo-1", randomRecords(rng, 500, time.Now().Add(-time.Minute)))
	notes, err := audit.Checkpoints(s.dir, 0, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	key, err := audit.ReadPublicKey(filepath.Join(s.dir+"-key", "audit.pub"))
	if err != nil {
		t.Fatal(err)
	}
	put := func(site string, without uint64, twice bool) {
		var b strings.Builder
		row := func(kind string, seq uint64, msg string) {
			fmt.Fprintf(&b, `{"_time":%q,"_msg":%q,"webproxy.site":%q,"webproxy.type":%q,"webproxy.seq":"%d"}`+"\n",
				time.Now().UTC().Format(time.RFC3339Nano), msg, site, kind, seq)
		}
		for i, line := range s.lines {
			if s.records[i].Seq != without {
				row(string(s.records[i].Type), s.records[i].Seq, line)
			}
			if twice {
				row(string(s.records[i].Type), s.records[i].Seq, line)
			}
		}
		for _, n := range notes {
			row("checkpoint", n.Size, fmt.Sprintf(`{"v":1,"type":"checkpoint","ts":%q,"number":%d,"size":%d,"note":%q}`, n.Time.UTC().Format(time.RFC3339Nano), n.Number, n.Size, n.Note))
		}
		resp, err := http.Post(vl.URL()+"/insert/jsonline?_stream_fields=webproxy.site,webproxy.type", "application/stream+json", strings.NewReader(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	put("whole", 0, false)
	put("twice", 0, true)
	put("without", 77, false)
	if err := vl.Flush(); err != nil {
		t.Fatal(err)
	}
	for site, want := range map[string]string{"whole": "", "twice": "", "without": "seq 77: 1 record missing"} {
		v, err := client(t, vl.URL()).Verify(t.Context(), fleet.VerifyOptions{Site: site, Keys: []string{key}})
		if err != nil {
			t.Fatal(err)
		}
		if v.OK() != (want == "") || !v.OK() && !strings.Contains(v.Problems[0].String(), want) || v.LastSeq != uint64(len(s.lines)) {
			t.Errorf("%s: %v, %v, want %q", site, v, v.Problems, want)
		}
		if site == "twice" && v.Again != uint64(len(s.lines)) {
			t.Errorf("%d records came again", v.Again)
		}
	}
	if _, err := client(t, vl.URL()).Verify(t.Context(), fleet.VerifyOptions{Site: "nowhere", Keys: []string{key}}); err == nil {
		t.Error("a site that is not there is verified")
	}
}
