package audit_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"

	"webproxy/audit"
	"webproxy/internal/audittest"
	"webproxy/internal/proxytest"
)

// The test binary is also the process that the tests below kill, or starve of disk.
const (
	childEnv = "AUDIT_TEST_CHILD"
	dirEnv   = "AUDIT_TEST_DIR"
)

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(proxytest.Run(m, 4)) // they wait for the disk
	case "append":
		appendForEver(os.Getenv(dirEnv))
	default:
		os.Exit(childOther(os.Getenv(childEnv), os.Getenv(dirEnv)))
	}
}

// child is a command that runs this binary as the child of the given kind.
func child(t *testing.T, kind, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+kind, dirEnv+"="+dir)
	cmd.Stderr = os.Stderr
	return cmd
}

// appendForEver appends records from several goroutines, and prints the number of each that Append
// says is written.
func appendForEver(dir string) {
	l, err := audit.Open(small(dir))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				r := audittest.Decision()
				if err := l.Append(&r); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Println(r.Seq)
			}
		})
	}
	wg.Go(func() {
		for range l.Rotated() {
			l.Tidy(context.Background())
		}
	})
	wg.Wait()
}

func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	moments := rand.New(rand.NewPCG(1, 2))
	var acknowledged uint64
	for range 8 {
		cmd := child(t, "append", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		moment := moments.IntN(800)
		in := bufio.NewScanner(out)
		for n := 0; in.Scan(); n++ {
			if n == moment {
				cmd.Process.Kill() // and go on reading what it said before it died
			}
			seq, err := strconv.ParseUint(in.Text(), 10, 64)
			if err != nil {
				continue // the last words
			}
			acknowledged = max(acknowledged, seq)
		}
		cmd.Wait()
		_, stats := read(t, dir)
		if stats.LastSeq < acknowledged {
			t.Fatalf("record %d was acknowledged, the log ends with %d", acknowledged, stats.LastSeq)
		}
	}
	l := open(t, small(dir))
	last := add(t, l, audittest.Decision()).Seq
	if err := l.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantWhole(t, dir, last)
}
