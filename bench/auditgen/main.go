// Command auditgen writes a made-up month of audit log, as webproxy would have written it, for
// measuring what reads it. The same flags write the same requests.
//
//	go run ./bench/auditgen -dir /tmp/month -records 10000000
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"webproxy/audit"
)

func main() {
	dir := flag.String("dir", "", "directory to write; must not have a log in it")
	records := flag.Int("records", 1_000_000, "number of records")
	month := flag.String("month", "2026-10", "the month")
	seed := flag.Uint64("seed", 1, "another seed, another month")
	flag.Parse()
	if err := run(*dir, *records, *month, *seed); err != nil {
		log.Fatal(err)
	}
}

func run(dir string, records int, month string, seed uint64) error {
	start, err := time.Parse("2006-01", month)
	if err != nil {
		return err
	}
	if dir == "" {
		return fmt.Errorf("-dir is missing")
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty", dir)
	}
	l, err := audit.Open(audit.Options{Dir: dir, Sync: audit.AgeOff, RotateEvery: audit.AgeOff, Retain: audit.AgeOff})
	if err != nil {
		return err
	}
	defer l.Close()
	m := newTraffic(start, records, seed)
	for l.Written() < uint64(records) {
		if err := m.next(l.Append); err != nil {
			return err
		}
		select {
		case <-l.Rotated():
			if err := l.Tidy(context.Background()); err != nil {
				return err
			}
		default:
		}
	}
	return l.Tidy(context.Background())
}
