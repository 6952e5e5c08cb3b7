//go:build linux

package main

import (
	"io"
	"net"
	"net/http"
	"strconv"
)

// An origin is the origin of all requests, on the loopback interface.
type origin struct {
	echo int // port that echoes
	flow int // port that sends zeros until it is closed
	sink int // port that discards what it receives
	http int // port that serves /1k and /1g
	tls  int // the same by https, as localhost
	// authority is PEM: what issued the certificate of tls.
	authority []byte
}

// startOrigin serves until the process ends.
func startOrigin() (*origin, error) {
	o := &origin{}
	var err error
	if o.echo, err = accept(func(c net.Conn) {
		buf := make([]byte, 4<<10)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			if _, err := c.Write(buf[:n]); err != nil {
				return
			}
		}
	}); err != nil {
		return nil, err
	}
	if o.flow, err = accept(func(c net.Conn) {
		buf := make([]byte, 256<<10)
		for {
			if _, err := c.Write(buf); err != nil {
				return
			}
		}
	}); err != nil {
		return nil, err
	}
	if o.sink, err = accept(func(c net.Conn) { discard(c, make([]byte, 256<<10), -1) }); err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	o.http = ln.Addr().(*net.TCPAddr).Port
	go http.Serve(ln, http.HandlerFunc(serveBody))
	return o, o.serveTLS()
}

func accept(serve func(net.Conn)) (port int, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	return ln.Addr().(*net.TCPAddr).Port, nil
}

var (
	kilobyte = make([]byte, 1<<10)
	chunk    = make([]byte, 256<<10)
)

const gigabyte = 1 << 30

func serveBody(rw http.ResponseWriter, r *http.Request) {
	rw.Header()["Date"] = nil
	rw.Header().Set("Content-Type", "application/octet-stream")
	if r.URL.Path != "/1g" {
		rw.Header().Set("Content-Length", strconv.Itoa(len(kilobyte)))
		rw.Write(kilobyte)
		return
	}
	rw.Header().Set("Content-Length", strconv.Itoa(gigabyte))
	for range gigabyte / len(chunk) {
		if _, err := rw.Write(chunk); err != nil {
			return
		}
	}
}

// discard reads n bytes, or all of them if n is negative.
func discard(r io.Reader, buf []byte, n int64) (int64, error) {
	var got int64
	for n < 0 || got < n {
		k, err := r.Read(buf)
		got += int64(k)
		if err == io.EOF && n < 0 {
			return got, nil
		}
		if err != nil {
			return got, err
		}
	}
	return got, nil
}
