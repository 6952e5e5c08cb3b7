package pac_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"webproxy/pac"
)

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		want string // a part of the error; "" for none
		o    pac.Options
	}{
		{"", pac.Options{}},
		{"", pac.Options{Listen: "off"}},
		{"", pac.Options{Listen: ":9092", Proxy: "webproxy.contoso.com:9090", Direct: []string{"*.contoso.com", "intranet", "10.0.0.0/8", "fd00::/8", "192.0.2.7"}}},
		{"", pac.Options{Listen: ":9092", Proxy: "[2001:db8::1]:9090"}},
		{"proxy: is missing", pac.Options{Listen: ":9092"}},
		{"has no port", pac.Options{Proxy: "webproxy"}},
		{"not the name of a host", pac.Options{Proxy: `x"; alert(1); ":9090`}},
		{"direct[1]", pac.Options{Direct: []string{"a.example", `b"]; x(`}}},
		{"bits of a host", pac.Options{Direct: []string{"10.0.0.1/8"}}},
		{"direct[0]", pac.Options{Direct: []string{"*"}}},
	} {
		err := tt.o.Check()
		if (tt.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.o, err, tt.want)
		}
	}
}

func TestHandler(t *testing.T) {
	h := pac.Handler(pac.Options{Listen: ":1", Proxy: "webproxy:9090"})
	for _, tt := range []struct {
		status int
		method string
		path   string
	}{
		{200, "GET", "/proxy.pac"}, {200, "HEAD", "/wpad.dat"}, {404, "GET", "/"}, {404, "GET", "/proxy.pac/x"}, {405, "POST", "/proxy.pac"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if w.Code != tt.status {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.path, w.Code, tt.status)
		}
		if tt.status == http.StatusOK && w.Header().Get("Content-Type") != "application/x-ns-proxy-autoconfig" {
			t.Errorf("%s: %v", tt.path, w.Header())
		}
		if tt.method == "GET" && tt.status == 200 && !strings.Contains(w.Body.String(), `"PROXY webproxy:9090"`) {
			t.Errorf("%s: %s", tt.path, w.Body)
		}
	}
}
