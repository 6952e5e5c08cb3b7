//go:build linux

package main

import "time"

func workGet(b *bench, _ string) {
	host := b.origin.at(b.origin.http)
	url := "http://" + host + "/1k"
	b.interleaved(plain, func(p *peer, proc *process) error {
		kept := func() (func() error, func(), error) {
			c, err := dial(proc.addr)
			if err != nil {
				return nil, nil, err
			}
			return func() error {
				if err := c.get(url, host, int64(len(kilobyte))); err == nil {
					return nil
				}
				// Tinyproxy keeps no connections, and other proxies may close one at any time.
				c.Close()
				if c, err = dial(proc.addr); err != nil {
					return err
				}
				return c.get(url, host, int64(len(kilobyte)))
			}, func() { c.Close() }, nil
		}
		each := once(func() error {
			return withClient(proc.addr, func(c *client) error { return c.get(url, host, int64(len(kilobyte))) })
		})
		for _, w := range []struct {
			name    string
			clients int
			p99     bool
			begin   func() (func() error, func(), error)
		}{
			{"GET 1 KiB, kept alive", clients, false, kept},
			{"GET 1 KiB, new connection each", clients, false, each},
			{"GET 1 KiB, kept alive, 64 clients", 2 * clients, true, kept},
			{"GET 1 KiB, new connection each, 64 clients", 2 * clients, true, each},
		} {
			l, err := drive(proc, w.clients, b.duration, w.begin)
			if err != nil {
				return err
			}
			b.report.add(w.name+", CPU us", "%.0f", p.name, l.perOp())
			if w.p99 {
				b.report.add(w.name+", p99 ms", "%.1f", p.name, l.quantile(0.99).Seconds()*1e3)
			}
			if err := l.sound(); err != nil {
				return err
			}
		}
		return nil
	})
}

func workLarge(b *bench, _ string) {
	host := b.origin.at(b.origin.http)
	b.interleaved(plain, func(p *peer, proc *process) error {
		return withClient(proc.addr, func(c *client) error {
			c.SetDeadline(time.Now().Add(5 * patience))
			cpu := proc.cpu()
			if err := c.get("http://"+host+"/1g", host, gigabyte); err != nil {
				return err
			}
			b.report.add("GET 1 GiB, CPU s/GB", "%.2f", p.name, (proc.cpu()-cpu).Seconds()*1e9/gigabyte)
			return nil
		})
	})
}
