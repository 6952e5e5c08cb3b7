package proxy

import (
	"net/http"
	"strings"
)

// unfitTrailers are fields that have a meaning only before the body: they frame it, route or authenticate the
// message, or say how to process it (RFC 9110, 6.5.1). A recipient that merged one into the head would act on a field
// that it could not take into account in time. Fields that name the sender as a proxy or a server are among them.
var unfitTrailers = map[string]bool{
	// framing and the connection
	"Connection": true, "Content-Length": true, "Http2-Settings": true, "Keep-Alive": true,
	"Proxy-Connection": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
	// routing
	"Forwarded": true, "Host": true, "Location": true, "Max-Forwards": true, "Via": true,
	// who asks
	"Authentication-Info": true, "Authorization": true, "Cookie": true, "Proxy-Authenticate": true,
	"Proxy-Authentication-Info": true, "Proxy-Authorization": true, "Set-Cookie": true, "Www-Authenticate": true,
	// how to take the message
	"Age": true, "Cache-Control": true, "Content-Encoding": true, "Content-Range": true, "Content-Type": true,
	"Date": true, "Expect": true, "Expires": true, "Pragma": true, "Proxy-Status": true, "Range": true,
	"Retry-After": true, "Server": true, "Vary": true, "Warning": true,
}

// mayTrail reports whether a field, in canonical form, may stand after a body.
func mayTrail(name string) bool {
	return !unfitTrailers[name] && !strings.HasPrefix(name, "If-") && !strings.HasPrefix(name, "X-Forwarded-")
}

// dropUnfitTrailers removes the announcement of fields that may not be trailers.
func dropUnfitTrailers(announced http.Header) {
	for name := range announced {
		if !mayTrail(name) {
			delete(announced, name)
		}
	}
}

// A trailerFilter lets those trailers pass that were announced. net/http adds all that arrive.
type trailerFilter struct {
	trailer   *http.Header // of the message; filled in when its body has been read to the end
	announced []string
}

// announcedTrailers keeps the names in t, which the filter reads again when the body has ended.
func announcedTrailers(t *http.Header) trailerFilter {
	f := trailerFilter{trailer: t}
	for name := range *t {
		f.announced = append(f.announced, name)
	}
	return f
}

// apply is called at the end of the body, by the goroutine that reads it.
func (f trailerFilter) apply() {
	if f.trailer == nil || len(*f.trailer) == 0 {
		return
	}
	kept := make(http.Header, len(f.announced))
	for _, name := range f.announced {
		kept[name] = (*f.trailer)[name]
	}
	clear(*f.trailer)
	for name, values := range kept {
		(*f.trailer)[name] = values
	}
}
