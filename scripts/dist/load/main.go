// Command load is the clients during an upgrade: it asks the proxy for tunnels to an origin of its own, one after the other by several
// clients, and talks through one that it opened before all others. It prints the origin's port, and begins when standard input has a
// line; at the second line it closes the open tunnel, and at the end of standard input it tells what came of it:
//
//	load PROXY       PROXY is HOST:PORT; the origin is load.test
//
// Exit code 1 means that a connection was refused, or that the open tunnel broke.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const clients = 4

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: load PROXY")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(proxy string) error {
	origin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := origin.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
	target := fmt.Sprintf("load.test:%d", origin.Addr().(*net.TCPAddr).Port)
	fmt.Println(target[len("load.test:"):])
	input := bufio.NewScanner(os.Stdin)
	input.Scan()
	open, err := tunnel(proxy, target)
	if err != nil {
		return fmt.Errorf("the first tunnel: %w", err)
	}
	defer open.Close()
	fmt.Println("began")

	var served, late, refused atomic.Int64
	var broken error
	closing, stop := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-closing:
				open.Close()
				return
			case <-time.After(20 * time.Millisecond):
			}
			if broken = echo(open, fmt.Sprintf("%d\n", n)); broken != nil {
				return
			}
		}
	})
	for range clients {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond): // a client's port is not free again for a minute
				}
				c, err := tunnel(proxy, target)
				if err == nil {
					err = echo(c, "hello\n")
					c.Close()
				}
				switch {
				case err == nil:
					served.Add(1)
				case errors.Is(err, syscall.ECONNREFUSED):
					refused.Add(1)
				default:
					late.Add(1)
				}
			}
		})
	}
	input.Scan()
	close(closing)
	for input.Scan() {
	}
	close(stop)
	all.Wait()
	fmt.Printf("%d tunnels, %d refused a connection, %d told to ask again\n", served.Load(), refused.Load(), late.Load())
	if refused.Load() > 0 {
		return errors.New("connections were refused")
	}
	if broken != nil {
		return fmt.Errorf("the open tunnel: %w", broken)
	}
	return nil
}

func tunnel(proxy, target string) (net.Conn, error) {
	c, err := net.DialTimeout("tcp", proxy, time.Minute)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %[1]s\r\n\r\n", target)
	// Byte by byte: what follows the head is the origin's.
	var head strings.Builder
	for b := make([]byte, 1); !strings.HasSuffix(head.String(), "\r\n\r\n"); {
		if _, err := c.Read(b); err != nil {
			c.Close()
			return nil, err
		}
		head.Write(b)
	}
	if !strings.HasPrefix(head.String(), "HTTP/1.1 200 ") {
		c.Close()
		line, _, _ := strings.Cut(head.String(), "\r\n")
		return nil, errors.New(line)
	}
	return c, nil
}

// echo fails unless what it says comes back.
func echo(c net.Conn, what string) error {
	c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, what); err != nil {
		return err
	}
	b := make([]byte, len(what))
	if _, err := io.ReadFull(c, b); err != nil {
		return err
	}
	if string(b) != what {
		return fmt.Errorf("%q came back for %q", b, what)
	}
	return nil
}
