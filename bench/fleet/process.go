//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"webproxy/bench/internal/proc"
)

// A process is started by the simulation and ends with it, however that ends.
type process struct {
	cmd *exec.Cmd
	log string // the file of its output
}

func start(log, name string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{cmd: exec.Command(name, args...), log: log}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	proc.KillWithParent(p.cmd)
	return p, p.cmd.Start()
}

// end sends a signal and waits until the process has ended.
func (p *process) end(s os.Signal) {
	p.cmd.Process.Signal(s)
	p.cmd.Wait()
}

// memory is the resident memory of the process, in bytes.
func (p *process) memory() (int64, error) { return proc.Memory(p.cmd.Process.Pid) }

// peak is the most that memory was.
func (p *process) peak() (int64, error) { return proc.Peak(p.cmd.Process.Pid) }

// freePort is a port of 127.0.0.1 below the system's ephemeral ports, so that it can be used again.
func freePort() (int, error) {
	for port := 21000; port < 32000; port += 7 {
		if ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, ln.Close()
		}
	}
	return 0, errors.New("no free port from 21000 to 32000")
}

// answers waits until a GET of url returns 2xx.
func answers(ctx context.Context, url string, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(r); err == nil {
			resp.Body.Close()
			if resp.StatusCode/100 == 2 {
				return nil
			}
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			said, _ := os.ReadFile(p.log)
			return fmt.Errorf("%s does not answer: %w: %s", url, err, said)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// A centre is a VictoriaLogs whose directory and address stay the same when it is restarted.
type centre struct {
	o    *options
	dir  string
	port int
	*process
}

// startCentre starts one with an empty directory.
func startCentre(ctx context.Context, o *options, name string) (*centre, error) {
	if _, err := os.Stat(o.victoriaLogs); err != nil {
		return nil, fmt.Errorf("%w: scripts/victorialogs.sh build makes it", err)
	}
	c := &centre{o: o, dir: filepath.Join(o.dir, name)}
	var err error
	if c.port, err = freePort(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return nil, err
	}
	return c, c.start(ctx)
}

func (c *centre) url() string { return fmt.Sprintf("http://127.0.0.1:%d", c.port) }

func (c *centre) start(ctx context.Context) error {
	p, err := start(filepath.Join(c.dir, "log"), c.o.victoriaLogs, "-storageDataPath="+filepath.Join(c.dir, "data"),
		fmt.Sprintf("-httpListenAddr=127.0.0.1:%d", c.port), "-retentionPeriod=100y", "-loggerLevel=WARN")
	if err != nil {
		return err
	}
	c.process = p
	return answers(ctx, c.url()+"/health", p)
}

// size is how many bytes the files below a directory have.
func size(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	return n, err
}
