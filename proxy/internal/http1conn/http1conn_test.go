package http1conn_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"webproxy/proxy/internal/http1conn"
)

func TestReadHead(t *testing.T) {
	unsent, stop := errors.New("unsent"), errors.New("stop")
	tests := []struct {
		response string
		upgrade  bool
		unsent   error
		inform   error
		status   int   // 0: an error
		err      error // if it is known
		informed string
	}{
		{response: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", status: 200},
		{response: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", status: 204, informed: "100 103 "},
		{response: "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", inform: stop, err: stop, informed: "103 "},
		{response: "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", upgrade: true, status: 101},
		{response: "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n", unsent: unsent, status: 413},
		{response: "", unsent: unsent, err: unsent},
		{response: "HTTP/1.1 200 OK\n\n"},
		{response: strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 17) + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", informed: strings.Repeat("103 ", 16)},
	}
	for _, tt := range tests {
		var r http1conn.Reader
		r.Reset(strings.NewReader(tt.response))
		r.Responses.Expect(http.MethodGet, tt.upgrade)
		informed := ""
		resp, err := r.ReadHead(&http.Request{Method: http.MethodGet}, tt.unsent, func(resp *http.Response) error {
			informed += strings.Fields(resp.Status)[0] + " "
			return tt.inform
		})
		if (err != nil) != (tt.status == 0) || tt.err != nil && !errors.Is(err, tt.err) || err == nil && resp.StatusCode != tt.status {
			t.Errorf("%q: %v, %v, want status %d, error %v", tt.response, resp, err, tt.status, tt.err)
		}
		if informed != tt.informed {
			t.Errorf("%q: informed of %q, want %q", tt.response, informed, tt.informed)
		}
	}
}

// What came together with the head of a tunnel is the tunnel's, however it was cut.
func TestTakeBuffered(t *testing.T) {
	for _, rest := range []string{"", "x", strings.Repeat("y", 10_000)} {
		source := strings.NewReader("HTTP/1.1 200 OK\r\n\r\n" + rest)
		var r http1conn.Reader
		r.Reset(source)
		r.Responses.Expect(http.MethodConnect, false)
		if _, err := r.ReadHead(&http.Request{Method: http.MethodConnect}, nil, nil); err != nil {
			t.Fatal(err)
		}
		b := r.TakeBuffered()
		var got strings.Builder
		for p := make([]byte, 7); len(b) > 0; {
			got.Write(p[:b.Take(p)])
		}
		if _, err := io.Copy(&got, source); err != nil || got.String() != rest {
			t.Errorf("%d bytes after the head: %d, %v", len(rest), got.Len(), err)
		}
	}
}
