package fleet_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"webproxy/internal/victorialogstest"
)

// Each VictoriaLogs panel of the Grafana dashboard has a valid query, which returns data for the logs of two sites.
func TestGrafanaFleet(t *testing.T) {
	data, err := os.ReadFile("../deploy/monitoring/grafana-fleet.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title      string
			Datasource struct{ Type string }
			Targets    []struct{ Expr, QueryType string }
		}
	}
	if err := json.Unmarshal(data, &dashboard); err != nil {
		t.Fatal(err)
	}
	vl := victorialogstest.Start(t)
	rng := rand.New(rand.NewPCG(3, 4))
	for _, name := range []string{"oslo-1", "oslo-2"} {
		s := writeSite(t, name, randomRecords(rng, 200, time.Now().Add(-time.Minute)))
		s.send(t, vl.URL(), 0, len(s.lines))
	}
	if err := vl.Flush(); err != nil {
		t.Fatal(err)
	}
	path := map[string]string{"instant": "query", "stats": "stats_query", "statsRange": "stats_query_range"}
	asked := 0
	for _, p := range dashboard.Panels {
		if p.Datasource.Type != "victoriametrics-logs-datasource" {
			continue
		}
		for _, target := range p.Targets {
			asked++
			form := url.Values{
				"query": {strings.ReplaceAll(target.Expr, "${site:doublequote}", `"oslo-1","oslo-2"`)},
				"start": {time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)}, "end": {time.Now().Add(time.Hour).UTC().Format(time.RFC3339)},
				"time": {time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}, "step": {"1h"},
			}
			resp, err := http.PostForm(vl.URL()+"/select/logsql/"+path[target.QueryType], form)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != http.StatusOK || len(answer) == 0 || bytes.Contains(answer, []byte(`"result":[]`)) {
				t.Errorf("%s: %s: %s: %q", p.Title, target.Expr, resp.Status, answer)
			}
		}
	}
	if asked < 5 {
		t.Errorf("%d questions", asked)
	}
}
