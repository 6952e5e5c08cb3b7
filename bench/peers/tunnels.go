//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const clients = 32

func (o *origin) at(port int) string { return "localhost:" + strconv.Itoa(port) }

// perOp is the processor time for each operation, in microseconds.
func (l *load) perOp() float64 { return l.cpu.Seconds() * 1e6 / float64(max(l.ops, 1)) }

// sound returns an error if the load was not as intended.
func (l *load) sound() error {
	if l.failed > 0 || l.ops == 0 {
		return fmt.Errorf("%d done, %d failed: %w", l.ops, l.failed, l.err)
	}
	return nil
}

// shortTunnel makes one tunnel for one message.
func (b *bench) shortTunnel(addr string) func() error {
	target := b.origin.at(b.origin.echo)
	return func() error {
		return withClient(addr, func(c *client) error {
			if err := c.connect(target); err != nil {
				return err
			}
			return c.message()
		})
	}
}

func workConnect(b *bench, _ string) {
	b.interleaved(tunnels, func(p *peer, proc *process) error {
		l, err := drive(proc, clients, b.duration, once(b.shortTunnel(proc.addr)))
		if err != nil {
			return err
		}
		b.report.add("TCP + CONNECT + 64-byte echo + close, CPU us", "%.0f", p.name, l.perOp())
		b.report.add("the same, tunnels/s", "%.0f", p.name, float64(l.ops)/l.took.Seconds())
		if err := l.sound(); err != nil {
			return err
		}
		l, err = drive(proc, 2*clients, b.duration, once(b.shortTunnel(proc.addr)))
		if err != nil {
			return err
		}
		b.report.add("the same with 64 clients, p99 ms", "%.1f", p.name, l.quantile(0.99).Seconds()*1e3)
		return l.sound()
	})
}

var errNotDenied = errors.New("not denied")

func workDenied(b *bench, _ string) {
	b.interleaved(tunnels, func(p *peer, proc *process) error {
		l, err := drive(proc, clients, b.duration, once(func() error {
			return withClient(proc.addr, func(c *client) error {
				io.WriteString(c, "CONNECT denied.example:443 HTTP/1.1\r\nHost: denied.example:443\r\n\r\n")
				status, _, err := c.head()
				if err == nil && (status < 400 || status > 599) {
					err = errNotDenied
				}
				return err
			})
		}))
		if err != nil {
			return err
		}
		b.report.add("denied CONNECT, CPU us", "%.0f", p.name, l.perOp())
		return l.sound()
	})
}

func (b *bench) openTunnel(addr string, port int) (*client, error) {
	c, err := dial(addr)
	if err != nil {
		return nil, err
	}
	if err := c.connect(b.origin.at(port)); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func workMessages(b *bench, _ string) {
	b.interleaved(tunnels, func(p *peer, proc *process) error {
		begin := func() (func() error, func(), error) {
			c, err := b.openTunnel(proc.addr, b.origin.echo)
			if err != nil {
				return nil, nil, err
			}
			return c.message, func() { c.Close() }, nil
		}
		l, err := drive(proc, 64, b.duration, begin)
		if err != nil {
			return err
		}
		b.report.add("64-byte messages through 64 open tunnels, CPU us", "%.1f", p.name, l.perOp())
		if err := l.sound(); err != nil {
			return err
		}
		if l, err = drive(proc, 1, b.duration, begin); err != nil {
			return err
		}
		b.report.add("the same through one, CPU us", "%.1f", p.name, l.perOp())
		b.report.add("the same through one, median there and back, us", "%.1f", p.name, l.quantile(0.5).Seconds()*1e6)
		return l.sound()
	})
}

// workBulk moves bytes through one tunnel, to the client and then to the origin.
func workBulk(b *bench, _ string) {
	b.interleaved(tunnels, func(p *peer, proc *process) error {
		for _, way := range []struct {
			name string
			port int
			move func(c *client, buf []byte) (int64, error)
		}{
			{"tunnel bulk, to the client, CPU s/GB", b.origin.flow, func(c *client, buf []byte) (int64, error) {
				return discard(c, buf, int64(len(buf)))
			}},
			{"tunnel bulk, to the origin, CPU s/GB", b.origin.sink, func(c *client, buf []byte) (int64, error) {
				n, err := c.Write(buf)
				return int64(n), err
			}},
		} {
			c, err := b.openTunnel(proc.addr, way.port)
			if err != nil {
				return err
			}
			defer c.Close()
			buf := make([]byte, 256<<10)
			cpu, began := proc.cpu(), time.Now()
			var bytes int64
			for time.Since(began) < 2*b.duration {
				n, err := way.move(c, buf)
				if bytes += n; err != nil {
					return err
				}
			}
			b.report.add(way.name, "%.2f", p.name, (proc.cpu()-cpu).Seconds()*1e9/float64(bytes))
			c.Close()
		}
		return nil
	})
}

// workIdle opens many tunnels, uses each once and leaves them open. No garbage collection is forced.
func workIdle(b *bench, _ string) {
	b.each(tunnels, func(p *peer) error {
		count := idleTunnels(p)
		if b.quick {
			count = 50
		}
		return b.idle(p, count)
	})
}

// idleTunnels is 5,000, or fewer if p serves fewer at once or may open too few files: a relay with io.Copy keeps two pipes for each tunnel.
func idleTunnels(p *peer) int {
	var files unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_NOFILE, &files) // else 0, and few tunnels
	each := 3
	if p.name == "lean" || p.name == "goproxy" {
		each = 7
	}
	n := min(5000, max(int(files.Cur)/each, 50))
	if p.busy > 0 {
		n = min(n, p.busy)
	}
	return n
}

func (b *bench) idle(p *peer, count int) error {
	proc, _, err := b.start(p, 100)
	if err != nil {
		return err
	}
	defer proc.stop()
	// Allocations of the first request belong to no tunnel.
	if _, err := drive(proc, clients, b.duration, once(b.shortTunnel(proc.addr))); err != nil {
		return err
	}
	memory, files := proc.memory(), proc.descriptors()
	for range count {
		c, err := b.openTunnel(proc.addr, b.origin.echo)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.message(); err != nil {
			return err
		}
	}
	time.Sleep(time.Second)
	b.report.add("idle tunnel, bytes", "%.0f", p.name, float64(proc.memory()-memory)/float64(count))
	b.report.add("idle tunnel, descriptors", "%.1f", p.name, float64(proc.descriptors()-files)/float64(count))
	return nil
}
