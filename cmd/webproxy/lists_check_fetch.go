package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"webproxy/catalog"
	"webproxy/catalog/tables"
	"webproxy/config"
	"webproxy/internal/hint"
	"webproxy/policy"
	"webproxy/review"
)

// address is the URL of the manifest of a place.
func (f *manifestFlags) address(p policy.Place) (*url.URL, error) {
	text := f.url
	if text == "" {
		region := catalog.RegionOf(p)
		switch {
		case p.Cloud == "china":
			return nil, usageError{errors.New("there is no manifest of Microsoft for cloud china: name another with --url, or a FILE")}
		case p.Cloud == "usgov" && region == "":
			region = "usgovvirginia" // the one region of that cloud with Azure Local
		}
		text = strings.TrimSuffix(manifestURL+"/"+region, "/")
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return nil, usageError{fmt.Errorf("--url %q: want https://host/path", text)}
	}
	return u, nil
}

// fetch reads the manifest through the proxy.
func (f *manifestFlags) fetch(cmd *cobra.Command, cfg *config.Config, p policy.Place) (*manifest, error) {
	u, err := f.address(p)
	if err != nil {
		return nil, err
	}
	proxy, err := f.proxyURL(cfg)
	if err != nil {
		return nil, err
	}
	if err := allowed(cfg, u); err != nil {
		return nil, refusedManifest(cmd, err)
	}
	timeout := time.Duration(f.timeout)
	ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
	defer cancel()
	transport := &http.Transport{
		Proxy: http.ProxyURL(proxy), DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10,
		DialContext: (&net.Dialer{Timeout: timeout}).DialContext, TLSHandshakeTimeout: timeout,
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fmt.Errorf("more than %d redirects", maxRedirects)
		}
		return allowed(cfg, r.URL)
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, f.failed(cmd, proxy, err)
	}
	defer response.Body.Close()
	at := tables.Shown(response.Request.URL.Redacted())
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: the response is %s", at, tables.Shown(response.Status))
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxManifest+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", at, err)
	}
	if len(data) > maxManifest {
		return nil, fmt.Errorf("%s: longer than %d MiB", at, maxManifest>>20)
	}
	return &manifest{URL: at, name: at, data: data, Modified: tables.Shown(response.Header.Get("Last-Modified"))}, nil
}

// proxyURL is the proxy to go through: --proxy, or the first address on which the configuration listens.
func (f *manifestFlags) proxyURL(cfg *config.Config) (*url.URL, error) {
	if f.proxy != "" {
		text := f.proxy
		if !strings.Contains(text, "://") {
			text = "http://" + text
		}
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Port() == "" || u.User != nil || u.Path != "" {
			return nil, usageError{fmt.Errorf("--proxy %q: want host:port, or a URL of http or https with a port", f.proxy)}
		}
		return u, nil
	}
	address, err := listenAddress(cfg, netip.Addr{})
	return &url.URL{Scheme: "http", Host: address}, err
}

// A manifestRefusal is why the policy does not allow the manifest to be read.
type manifestRefusal struct{ target, reason, why string }

func (r manifestRefusal) Error() string {
	return fmt.Sprintf("the policy does not allow %s: %s: %s", r.target, r.reason, r.why)
}

// allowed returns an error unless u is HTTPS and the policy allows it. In learn mode too: this command must not send a request
// that no rule allows.
func allowed(cfg *config.Config, u *url.URL) error {
	target := tables.Shown(u.Scheme + "://" + u.Host)
	if u.Scheme != "https" {
		return fmt.Errorf("a redirect leads to %s, which is not HTTPS", target)
	}
	from, err := review.ClientAddr(cfg.Set, "")
	if err != nil {
		return err
	}
	req, err := policy.NewRequest(from, "", u.Scheme+"://"+u.Host, time.Now())
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	if x := cfg.Set.Explain(&req); x.Verdict != policy.Allow {
		return manifestRefusal{target, x.Reason.String(), x.Why}
	}
	return nil
}

// refusedManifest is err, or if the policy is its reason, a noError, after telling the reason.
func refusedManifest(cmd *cobra.Command, err error) error {
	var refused manifestRefusal
	if !errors.As(err, &refused) {
		return err
	}
	sayError(cmd.ErrOrStderr(), refused.Error())
	sayHint(cmd.ErrOrStderr(), "webproxy explain "+refused.target+" tells more; or read a copy: webproxy lists check FILE")
	return noError{}
}

// failed says why the manifest could not be read through the proxy.
func (f *manifestFlags) failed(cmd *cobra.Command, proxy *url.URL, err error) error {
	var refused manifestRefusal
	if errors.As(err, &refused) {
		return refusedManifest(cmd, err)
	}
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err // without the URL, which may be long
	}
	text := shownError(err)
	if _, denial, ok := strings.Cut(text, "webproxy denied: "); ok {
		sayError(cmd.ErrOrStderr(), "the proxy at "+proxy.Host+" denied it: "+denial)
		if _, id, ok := strings.Cut(denial, "id="); ok {
			sayHint(cmd.ErrOrStderr(), "webproxy why "+strings.TrimSpace(id))
		}
		return noError{}
	}
	return hint.With(fmt.Errorf("read the manifest through %s: %s", proxy.Host, text), "is the proxy running there? --proxy names another; webproxy lists check FILE reads a copy")
}

// shownError is the text of err, made safe for a terminal and shortened: parts of it come from the proxy and the host.
func shownError(err error) string {
	const most = 300 // characters
	text := []rune(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, err.Error()))
	return string(text[:min(len(text), most)])
}
