// Command auditgen writes a simulated month of audit log, as webproxy would have written it, for
// measuring its readers: a compressed file a day, the last day in the live file, a checkpoint an
// hour. The same flags write the same requests. The key is beside the directory, as webproxy's is.
//
//	go run ./bench/auditgen -dir /tmp/month/audit -records 10000000
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"webproxy/audit"
	"webproxy/internal/setting"
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

// recordBytes is about the size of a record of traffic.
const recordBytes = 470

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
	hours := int(start.AddDate(0, 1, 0).Sub(start).Hours())
	l, err := audit.Open(audit.Options{
		Dir: dir, Site: site, Sync: setting.Off, RotateEvery: setting.Off, Retain: setting.Off,
		Rotate: setting.Size(max(records*recordBytes/(hours/24), 64<<10)),
		// The aggregation of denials uses the current clock; the month has its own repeats.
		AggregateWindow: setting.Off,
	})
	if err != nil {
		return err
	}
	defer l.Close()
	m := newTraffic(start, records, seed)
	sealEach := uint64(max(records/hours, 1))
	for sealed, seals := uint64(0), 0; l.Written() < uint64(records); {
		if err := m.next(l.Append); err != nil {
			return err
		}
		if l.Written() >= sealed+sealEach {
			sealed = l.Written()
			if err := l.Seal(); err != nil {
				return err
			}
			if seals++; seals%24 == 0 { // a day's records are about one file
				if err := l.Tidy(context.Background()); err != nil {
					return err
				}
			}
		}
	}
	return l.Tidy(context.Background())
}
