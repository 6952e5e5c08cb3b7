package main

import (
	"net/http"
	"net/url"
)

// proxied sends requests through the proxy at addr.
func proxied(addr string) http.RoundTripper {
	return &http.Transport{
		Proxy:             http.ProxyURL(&url.URL{Scheme: "http", Host: addr}),
		DisableKeepAlives: true,
	}
}
