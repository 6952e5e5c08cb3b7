//go:build linux

package main

import (
	"fmt"
	"time"
)

func workGet(b *bench, _ string) error {
	host := b.origin.at(b.origin.http)
	url := "http://" + host + "/1k"
	return b.interleaved(plain, func(p *peer, proc *process) error {
		l, err := drive(proc, clients, b.duration, func() (func() error, func(), error) {
			c, err := dial(proc.addr)
			if err != nil {
				return nil, nil, err
			}
			return func() error {
				if err := c.get(url, host, int64(len(kilobyte))); err == nil {
					return nil
				}
				// Tinyproxy keeps no connection, and others may end one now and then.
				c.Close()
				if c, err = dial(proc.addr); err != nil {
					return err
				}
				return c.get(url, host, int64(len(kilobyte)))
			}, func() { c.Close() }, nil
		})
		if err != nil {
			return err
		}
		b.report.add("GET 1 KiB, kept alive, CPU us", "%.0f", p.name, l.perOp())
		if err := l.sound(p); err != nil {
			return err
		}
		if l, err = drive(proc, clients, b.duration, once(func() error {
			return withClient(proc.addr, func(c *client) error { return c.get(url, host, int64(len(kilobyte))) })
		})); err != nil {
			return err
		}
		b.report.add("GET 1 KiB, new connection each, CPU us", "%.0f", p.name, l.perOp())
		return l.sound(p)
	})
}

func workLarge(b *bench, _ string) error {
	host := b.origin.at(b.origin.http)
	return b.interleaved(plain, func(p *peer, proc *process) error {
		return withClient(proc.addr, func(c *client) error {
			c.SetDeadline(time.Now().Add(5 * patience))
			cpu := proc.cpu()
			if err := c.get("http://"+host+"/1g", host, gigabyte); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			b.report.add("GET 1 GiB, CPU s/GB", "%.2f", p.name, (proc.cpu()-cpu).Seconds()*1e9/gigabyte)
			return nil
		})
	})
}
