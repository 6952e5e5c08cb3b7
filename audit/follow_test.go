package audit_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"webproxy/audit"
	"webproxy/internal/audittest"
)

// However a file grows, and however long its lines are, those who follow it get each record once, and hear of each line that is none.
func TestFollowGrowingFile(t *testing.T) {
	all := strings.SplitAfter(lines(t, 9), "\n")
	padded := func(line string, n int) string { // an unknown field makes it longer
		return strings.Replace(line, `{"v":1,`, `{"v":1,"pad":"`+strings.Repeat("x", n)+`",`, 1)
	}
	text := all[0] + padded(all[1], 64<<10-len(all[0])-200) + padded(all[2], 700<<10) + strings.Repeat("y", 3<<20) + "\n" + all[3] +
		"rubbish\n" + strings.Replace(all[4], "gbl", "\xff", 1) + padded(all[5], 64<<10) + all[6] + all[7] + all[8]
	for name, follow := range map[string]func(context.Context, string, uint64, func(*audit.Record, string) error, func(audit.BadLine)) error{
		"Follow": audit.Follow, "FollowShared": audit.FollowShared,
	} {
		for seed := range uint64(5) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				audittest.Write(t, live(dir), "")
				ctx, cancel := context.WithCancel(t.Context())
				var got, bad, kept []string
				var wg sync.WaitGroup
				wg.Go(func() {
					err := follow(ctx, dir, 0, func(r *audit.Record, line string) error {
						got = append(got, fmt.Sprint(r.Seq, " ", r.Host))
						kept = append(kept, line)
						return nil
					}, func(b audit.BadLine) { bad = append(bad, fmt.Sprint(b.Line)) })
					if err != nil {
						t.Error(err)
					}
				})
				f, err := os.OpenFile(live(dir), os.O_APPEND|os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				random := rand.New(rand.NewPCG(seed, 0))
				for rest := text; rest != ""; {
					n := min(len(rest), random.IntN(2<<random.IntN(22)))
					if _, err := f.WriteString(rest[:n]); err != nil {
						t.Fatal(err)
					}
					rest = rest[n:]
					time.Sleep(time.Second)
				}
				cancel()
				wg.Wait()
				var want []string
				for _, i := range []int{0, 1, 2, 3, 5, 6, 7, 8} {
					r, err := audit.Decode([]byte(all[i]))
					if err != nil {
						t.Fatal(err)
					}
					want = append(want, fmt.Sprint(r.Seq, " ", r.Host))
				}
				if !slices.Equal(got, want) || !slices.Equal(bad, []string{"4", "6", "7"}) {
					t.Errorf("%s, seed %d: got %q, bad lines %q", name, seed, got, bad)
				}
				for _, line := range kept {
					if !strings.Contains(text, line+"\n") {
						t.Errorf("%s, seed %d: a line that is not in the file: %.100q", name, seed, line)
					}
				}
			})
		}
	}
}

// A line is plain if it has no backslash and no control character, wherever that would be.
func TestIsPlain(t *testing.T) {
	for n := range 20 {
		for at := range n {
			for c := range 256 {
				text := []byte(strings.Repeat("\u00ff~", n))[:n]
				text[at] = byte(c)
				if got, want := audit.IsPlain(string(text)), c >= ' ' && c != '\\'; got != want {
					t.Fatalf("isPlain(%q) = %v", text, got)
				}
			}
		}
	}
}

// A time that is parsed the quick way is what package time makes of it, and no other is.
func TestPlainTime(t *testing.T) {
	times := []string{"2026-11-24T07:01:49.123", "2026-02-29T00:00:00.000Z", "2026-11-24T07:01:49.123z", "2026-11-24t07:01:49.123Z", "2026-11-24T07:01:49,123Z",
		"2026-00-24T07:01:49.123Z", "2026-13-24T07:01:49.123Z", "2026-11-00T07:01:49.123Z", "2026-11-31T07:01:49.123Z", "2026-11-24T24:01:49.123Z", "2026-11-24T07:60:49.123Z",
		"2026-11-24T07:01:60.123Z", "2026-11-24T07:01:4:.123Z", "202:-11-24T07:01:49.123Z", "2026-11-24T07:01:49.12/Z", "0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z", ""}
	for at := time.Date(2023, 12, 30, 23, 59, 58, 7e6, time.UTC); at.Year() < 2026; at = at.Add(11*time.Hour + 7*time.Minute + 13*time.Second + 17*time.Millisecond) {
		times = append(times, at.Format(audit.TimeLayout))
	}
	for _, s := range times {
		got, ok := audit.PlainTime(s)
		want, err := time.Parse(audit.TimeLayout, s)
		right := err == nil && !strings.Contains(s, ",") // which package time takes for a point
		if ok != right || ok && got != want {
			t.Errorf("plainTime(%q) = %v, %v; want %v, %v", s, got, ok, want, right)
		}
	}
}

// Each request without a row of its own is counted as such, and the row of all others is not handed out as one's own.
func TestTallyOverflow(t *testing.T) {
	tally := audit.NewTallyOf(1)
	rows := map[string]*audit.Row{}
	for i := range 6 {
		r := audittest.Decision()
		r.Host = fmt.Sprintf("host-%d.example.com", i%3)
		rows[r.Host] = tally.Add(&r, rows[r.Host])
	}
	if tally.Overflow() != 4 || rows["host-0.example.com"] == nil || rows["host-1.example.com"] != nil {
		t.Errorf("%d without a row, rows %v", tally.Overflow(), rows)
	}
}
