//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"webproxy/audit"
	"webproxy/internal/wording"
	"webproxy/ship"
)

// The work load fills a VictoriaLogs with many records, faster than many sites write them: a few sites have a real audit log,
// and each other site sends the records of one of them under its own name. The requests are those that shipping makes. The work
// ask starts VictoriaLogs on the directory that load filled.

const (
	templates     = 4    // sites with a log of their own
	loadBatch     = 2000 // records in one request
	loadSenders   = 2    // requests at a time
	loadSpan      = 30 * 24 * time.Hour
	loadedFile    = "loaded.json"
	maxLoadSites  = 10_000
	loadTimeout   = 2 * time.Minute // for one request
	centreOfLoad  = "centre"
	leastLoadEach = loadBatch
)

// loadName is the name of a site. All have the same length.
func loadName(n int) string { return fmt.Sprintf("site-%04d", n) }

// loaded is what load has put into a directory, in the file loaded.json of it.
type loaded struct {
	Sites   int           `json:"sites"`
	Want    int           `json:"want"`    // records of one site, in the end
	Records int           `json:"records"` // of all sites
	Each    int           `json:"each"`    // of one of them
	From    time.Time     `json:"from"`
	To      time.Time     `json:"to"` // every record is before it
	Took    time.Duration `json:"took_ns"`
	Bytes   int64         `json:"bytes"` // of OTLP
}

// A chunk is a request without the name of its site: that of its template stands at each of places.
type chunk struct {
	body    []byte
	places  []int
	records int
	last    time.Time
}

// workLoad writes the logs of a few sites, and loads as many sites as were asked for. Interrupted, it ends after a whole number of
// records of every site, and goes on there when it is started again.
func workLoad(ctx context.Context, o *options) error {
	if o.data == "" {
		return errors.New("-data: want the directory to fill")
	}
	each := o.records / o.sites
	if o.sites < templates || o.sites > maxLoadSites || each < leastLoadEach {
		return fmt.Errorf("want %d to %d sites, and at least %d records of each", templates, maxLoadSites, leastLoadEach)
	}
	own := *o
	own.dir = o.data
	l, err := readLoaded(o.data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if l, err = writeTemplates(&own, each); err != nil {
			return err
		}
	case err != nil:
		return err
	case l.Sites != o.sites || l.Want != each:
		return fmt.Errorf("%s is for %d records of each of %d sites", o.data, l.Want, l.Sites)
	}
	c, err := startCentre(ctx, &own, centreOfLoad)
	if err != nil {
		return err
	}
	began, before := time.Now(), l.Records
	err = fill(ctx, o, c, l)
	took := time.Since(began)
	if flushErr := c.flush(context.WithoutCancel(ctx)); err == nil {
		err = flushErr
	}
	c.end(syscall.SIGTERM)
	if err == nil {
		l.Took += took
		err = l.write(o.data)
	}
	n := l.Records - before
	say("load", "records loaded in / bytes of OTLP each", "%d in %v, %.0f a second / %.0f", n, round(took), float64(n)/took.Seconds(), float64(l.Bytes)/float64(max(l.Records, 1)))
	say("load", "records that are there, of", "%d of %d", l.Records, l.Want*l.Sites)
	return err
}

func readLoaded(dir string) (*loaded, error) {
	data, err := os.ReadFile(filepath.Join(dir, loadedFile))
	if err != nil {
		return nil, err
	}
	l := new(loaded)
	return l, json.Unmarshal(data, l)
}

func (l *loaded) write(dir string) error {
	data, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, loadedFile), append(data, '\n'), 0o644)
}

// writeTemplates writes the logs of the first sites.
func writeTemplates(o *options, each int) (*loaded, error) {
	l := &loaded{Sites: o.sites, Want: each, From: time.Now().UTC().Add(-loadSpan).Truncate(time.Millisecond)}
	began := time.Now()
	var writers sync.WaitGroup
	failed := make([]error, templates)
	for i := range templates {
		writers.Go(func() { failed[i] = writeTemplate(o, i, each, l.From) })
	}
	writers.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	say("load", fmt.Sprintf("%d records written to the logs of %d sites in", each*templates, templates), "%v", round(time.Since(began)))
	return l, l.write(o.dir)
}

// siteLog is the directory of the log of one of the first sites.
func siteLog(data string, n int) string { return filepath.Join(data, "sites", loadName(n), "audit") }

// writeTemplate writes the log of a site.
func writeTemplate(o *options, n, records int, from time.Time) error {
	s, err := newWriter(o, "sites", loadName(n), n)
	if err != nil {
		return err
	}
	at, step := from, loadSpan/time.Duration(records+1)
	if err := s.write(records, func() time.Time { at = at.Add(step); return at.Truncate(time.Millisecond) }); err != nil {
		return errors.Join(err, s.close())
	}
	return errors.Join(s.log.Seal(), s.close())
}

// A job is a request for one site.
type job struct {
	chunk
	site string
	done *sync.WaitGroup
}

// fill sends the records of all sites by time, from where l is, until ctx ends.
func fill(ctx context.Context, o *options, c *centre, l *loaded) error {
	working, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	reading := make([]chan chunk, templates)
	for i := range reading {
		reading[i] = make(chan chunk, 1)
		go func() {
			defer close(reading[i])
			if err := chunks(working, i, siteLog(o.data, i), l.Each, reading[i]); err != nil {
				cancel(err)
			}
		}()
	}
	jobs := make(chan job)
	var senders sync.WaitGroup
	for range loadSenders {
		senders.Go(func() {
			var body []byte
			for j := range jobs {
				if working.Err() == nil {
					body = append(body[:0], j.body...)
					for _, at := range j.places {
						copy(body[at:], j.site)
					}
					if err := c.post(working, body); err != nil {
						cancel(err)
					}
				}
				j.done.Done()
			}
		})
	}
	defer senders.Wait()
	defer close(jobs)
	began, before := time.Now(), l.Records
	for ctx.Err() == nil {
		var all sync.WaitGroup
		last, n := time.Time{}, 0
		for i := range reading {
			ch, ok := <-reading[i]
			if !ok { // all logs are of the same length
				return context.Cause(working)
			}
			last, n = ch.last, ch.records
			for site := i; site < o.sites; site += templates {
				all.Add(1)
				l.Bytes += int64(len(ch.body))
				jobs <- job{ch, loadName(site), &all}
			}
		}
		if all.Wait(); working.Err() != nil {
			break
		}
		l.Each += n
		l.Records, l.To = l.Each*o.sites, last.Add(time.Millisecond)
		if o.progress != "" {
			text := fmt.Sprintf("%s: %d of %d records, %.0f a second since %s\n", time.Now().UTC().Format(time.TimeOnly), l.Records, o.records,
				float64(l.Records-before)/time.Since(began).Seconds(), began.UTC().Format(time.TimeOnly))
			if err := os.WriteFile(o.progress, []byte(text), 0o644); err != nil {
				return err
			}
		}
	}
	return context.Cause(working)
}

// chunks sends the records of a log after the first ones, as requests.
func chunks(ctx context.Context, template int, dir string, skip int, out chan<- chunk) error {
	var records []audit.Record
	var lines []string
	flush := func() error {
		if len(records) == 0 {
			return nil
		}
		ch := chunk{body: ship.AppendOTLP(nil, "proxy", "1.0.0", records, lines), records: len(records), last: records[len(records)-1].Time}
		name := []byte(loadName(template))
		for at := 0; ; at += len(name) {
			i := bytes.Index(ch.body[at:], name)
			if i < 0 {
				break
			}
			at += i
			ch.places = append(ch.places, at)
		}
		if len(ch.places) != 2*len(records) {
			return fmt.Errorf("%s: %s, and %d places with the name of the site", dir, wording.Plural(len(records), "record"), len(ch.places))
		}
		records, lines = records[:0], lines[:0]
		select {
		case out <- ch:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	_, err := audit.ScanLines(dir, audit.ScanOptions{Workers: 1}, func(r *audit.Record, line string) error {
		if skip > 0 {
			skip--
			return nil
		}
		if records, lines = append(records, *r), append(lines, line); len(records) < loadBatch {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// post sends a request with records.
func (c *centre) post(ctx context.Context, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url()+"/insert/opentelemetry/v1/logs", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-protobuf")
	for name, value := range ship.VictoriaLogsHeaders() {
		r.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)); resp.StatusCode != http.StatusOK {
		return fmt.Errorf("VictoriaLogs answers %s: %s", resp.Status, text)
	}
	return nil
}

// flush has everything that was sent be found, and be on disk.
func (c *centre) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url()+"/internal/force_flush", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
