//go:build linux

// Command dashboard measures the cost of the dashboard, and how fast its pages are with a long log:
//
//	go run ./bench/dashboard -webproxy bin/webproxy               10 million records, 200 viewers: 10 minutes, 3 GB of disk
//	go run ./bench/dashboard -webproxy bin/webproxy -log DIR      with a log by bench/auditgen, to which it appends
//	go run ./bench/dashboard -webproxy bin/webproxy -quick        a little of each, to test that it works
//
// It prints Markdown. The proxy, its clients and the viewers share the machine, so the cost of the dashboard is the difference in
// processor time at the same load, in alternating rounds: without a dashboard, with one, and with viewers of Live.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A bench has the parameters of the measurement.
type bench struct {
	webproxy string
	dir      string
	log      string
	records  int
	rate     int // requests a second, each with a record
	viewers  int
	rounds   int
	round    time.Duration
	pages    int // how often each is requested
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	b := bench{}
	flag.StringVar(&b.webproxy, "webproxy", "", "the program to measure")
	flag.StringVar(&b.log, "log", "", "directory of a log to put behind the pages; default: one is made")
	flag.IntVar(&b.records, "records", 10_000_000, "records of the log that is made")
	flag.IntVar(&b.rate, "rate", 5000, "requests a second")
	flag.IntVar(&b.viewers, "viewers", 200, "viewers of Live")
	flag.IntVar(&b.rounds, "rounds", 4, "rounds of each kind")
	flag.DurationVar(&b.round, "round", 20*time.Second, "length of a round")
	flag.IntVar(&b.pages, "pages", 40, "how often each page is asked for")
	quick := flag.Bool("quick", false, "a little of each")
	flag.Parse()
	if *quick {
		b.records, b.rate, b.viewers, b.rounds, b.round, b.pages = 20_000, 500, 10, 1, time.Second, 2
	}
	if err := b.run(); err != nil {
		log.Fatal(err)
	}
}

func (b *bench) run() error {
	var err error
	if b.webproxy, err = filepath.Abs(b.webproxy); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "bench-dashboard-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.log == "" {
		if err := b.makeLog(); err != nil {
			return err
		}
	}
	b.introduce()
	if err := b.measurePages(); err != nil {
		return err
	}
	if err := b.measureStalled(); err != nil {
		return err
	}
	return b.measureCost()
}

// makeLog has the log of the previous calendar month written, so that its last day has requests too.
func (b *bench) makeLog() error {
	b.log = filepath.Join(b.dir, "audit")
	log.Printf("writing %d records", b.records)
	cmd := exec.Command("go", "run", "./bench/auditgen", "-dir", b.log, "-records", fmt.Sprint(b.records), "-month", time.Now().UTC().AddDate(0, 0, -time.Now().UTC().Day()).Format("2006-01"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("auditgen: %w\n%s", err, out)
	}
	return nil
}

// introduce prints the machine and the parameters.
func (b *bench) introduce() {
	load, _ := os.ReadFile("/proc/loadavg")
	cpu, _ := exec.Command("sh", "-c", "sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1").Output()
	commit, _ := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	fmt.Printf("- %s, commit %s, %s, %d x %s\n- load before (1, 5, 15 minutes): %s; above 1, others had a part of the machine\n\n", time.Now().UTC().Format(time.DateOnly),
		strings.TrimSpace(string(commit)), runtime.Version(), runtime.NumCPU(), strings.TrimSpace(string(cpu)), strings.Join(strings.Fields(string(load))[:3], " "))
}

// configure writes a configuration, with or without a dashboard, and with its own log or the long one.
func (b *bench) configure(name, logDir string, dashboard bool) (string, error) {
	path := filepath.Join(b.dir, name+".yaml")
	pages := "off"
	if dashboard {
		pages = "127.0.0.1:0"
	}
	text := fmt.Sprintf(`listen: "127.0.0.1:0"
dashboard: { listen: %q }
log: { format: json }
policy:
  clients: { nodes: [10.0.1.0/24, 127.0.0.0/8] }
  rules: [{ id: hci, list: hci }]
audit: { dir: %s, retain: "off", aggregate_window: "off" }
`, pages, logDir)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// measurePages requests each page repeatedly, with the whole log.
func (b *bench) measurePages() error {
	path, err := b.configure("pages", b.log, true)
	if err != nil {
		return err
	}
	p, err := b.start(path)
	if err != nil {
		return err
	}
	defer p.stop()
	began := time.Now()
	for {
		text, err := p.get("/")
		if err != nil {
			return err
		}
		if !strings.Contains(text, "counting the log") {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	counted := time.Since(began)
	old, err := b.oldID()
	if err != nil {
		return err
	}
	fmt.Printf("The log was counted %.1f s after the start; the process then had %.0f MB.\n\n", counted.Seconds(), float64(p.memory())/1e6)
	fmt.Println("| page | processor, ms | p50, ms | p95, ms | most, ms | goal p95 < 100 ms |\n|---|---|---|---|---|---|")
	for _, page := range []struct{ name, path string }{
		{"Overview", "/"}, {"Live", "/live"}, {"Live, by host", "/live?by=host"}, {"Denied", "/denied"}, {"Denied, the whole log", "/denied?period=all"},
		{"Denied, filtered", "/denied?period=all&q=host+%3D+%2A.azure.com"}, {"Learn", "/learn"}, {"Policy", "/policy"}, {"Policy, unused rules", "/policy?state=unused"},
		{"What if", "/policy/whatif"}, {"Clients", "/clients?period=all"}, {"Two clients", "/clients?period=all&a=10.0.1.11&b=10.0.1.12"}, {"Decisions", "/decisions"},
		{"Reports", "/reports"}, {"Why, an address", "/why?q=https%3A%2F%2Fwww.bing.com&client=10.0.1.11"}, {"Why, an id of the middle of the month", "/why?q=" + old},
	} {
		var took []time.Duration
		cpu := p.cpu()
		for range b.pages {
			at := time.Now()
			if _, err := p.get(page.path); err != nil {
				return fmt.Errorf("%s: %w", page.path, err)
			}
			took = append(took, time.Since(at))
		}
		p95 := quantile(took, 0.95)
		met := "met"
		if p95 >= 100*time.Millisecond {
			met = "**missed**"
		}
		fmt.Printf("| %s | %s | %s | %s | %s | %s |\n", page.name, ms((p.cpu()-cpu)/time.Duration(b.pages)), ms(quantile(took, 0.5)), ms(p95), ms(slices.Max(took)), met)
	}
	began = time.Now()
	for {
		text, err := p.get("/why?q=" + old)
		if err != nil {
			return err
		}
		if !strings.Contains(text, "data-refresh") {
			if !strings.Contains(text, "id "+old) {
				return fmt.Errorf("why %s: no answer:\n%s", old, text)
			}
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Printf("\nThe whole answer to Why by that id was there %.2f s after a look at it; the page says what is missing until then.\n\n", time.Since(began).Seconds())
	return nil
}

// oldID is the id of a decision in the middle of the log.
func (b *bench) oldID() (string, error) {
	files, err := filepath.Glob(filepath.Join(b.log, "audit-*.ndjson.gz"))
	if err != nil || len(files) == 0 {
		return "", errors.Join(err, errors.New("the log has no compressed files"))
	}
	slices.Sort(files)
	for _, file := range files[len(files)/2:] { // a short file may have no denial
		out, err := exec.Command("sh", "-c", `zcat "$1" | sed -n '/"decision":"deny"/{/egress.decision/s/.*"id":"\([^"]*\)".*/\1/p}' | tail -n 1`, "sh", file).Output()
		if id := strings.TrimSpace(string(out)); err != nil || id != "" {
			return id, err
		}
	}
	return "", errors.New("the log has no denial")
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/1e6) }

// quantile is the value that a part of all is below.
func quantile(all []time.Duration, part float64) time.Duration {
	sorted := slices.Clone(all)
	slices.Sort(sorted)
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}
