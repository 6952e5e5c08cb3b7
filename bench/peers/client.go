//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// patience is how long a response may take.
const patience = 20 * time.Second

// A client is a connection to a proxy.
type client struct {
	net.Conn
	buf []byte
	n   int // bytes in buf
}

func dial(addr string) (*client, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(patience))
	return &client{Conn: c, buf: make([]byte, 4<<10)}, nil
}

var errHead = errors.New("no answer head in 4 KiB")

// head reads the head of a response. Bytes after it stay in c.buf[:c.n].
func (c *client) head() (status int, head string, err error) {
	for {
		if end := bytes.Index(c.buf[:c.n], []byte("\r\n\r\n")); end >= 0 {
			head = string(c.buf[:end+4])
			c.n = copy(c.buf, c.buf[end+4:c.n])
			if len(head) < len("HTTP/1.1 200") {
				return 0, head, errHead
			}
			status, err = strconv.Atoi(head[9:12])
			return status, head, err
		}
		if c.n == len(c.buf) {
			return 0, "", errHead
		}
		n, err := c.Read(c.buf[c.n:])
		if c.n += n; n == 0 {
			return 0, "", err
		}
	}
}

// connect opens a tunnel.
func (c *client) connect(target string) error {
	if _, err := c.Write([]byte("CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n\r\n")); err != nil {
		return err
	}
	status, _, err := c.head()
	if err == nil && status != 200 {
		err = fmt.Errorf("CONNECT %s: %d", target, status)
	}
	return err
}

// message sends 64 bytes through a tunnel and reads them back.
func (c *client) message() error {
	var b [64]byte
	if _, err := c.Write(b[:]); err != nil {
		return err
	}
	_, err := discard(c, c.buf, int64(len(b)))
	return err
}

// get requests url and reads the response.
func (c *client) get(url, host string, length int64) error {
	if _, err := c.Write([]byte("GET " + url + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n")); err != nil {
		return err
	}
	status, head, err := c.head()
	if err != nil {
		return err
	}
	if status != 200 || !strings.Contains(strings.ToLower(head), "\r\ncontent-length: "+strconv.FormatInt(length, 10)+"\r\n") {
		return fmt.Errorf("GET %s: %q", url, head)
	}
	rest := length - int64(c.n)
	c.n = 0
	if rest > int64(len(c.buf)) {
		c.buf = make([]byte, 256<<10)
	}
	_, err = discard(c, c.buf, rest)
	return err
}

// withClient makes one connection for one call of do.
func withClient(addr string, do func(*client) error) error {
	c, err := dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	return do(c)
}
