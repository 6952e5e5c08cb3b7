package proxy

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"strconv"
	"strings"

	"webproxy/policy"
)

// An accepted is a media type of the proxy's own pages.
type accepted uint8

const (
	acceptText accepted = iota // also if the client names none
	acceptJSON
	acceptHTML
)

// negotiate picks the page's type: of those that the client names, the one with the highest weight, and the first of
// several (RFC 9110, 12.5.1). Ranges such as */* name none.
func negotiate(accept []string) accepted {
	best, bestWeight := acceptText, 0.0
	for _, v := range accept {
		for item := range strings.SplitSeq(v, ",") {
			mediaType, params, _ := strings.Cut(item, ";")
			var a accepted
			switch strings.ToLower(strings.TrimSpace(mediaType)) {
			case "text/plain":
				a = acceptText
			case "application/json":
				a = acceptJSON
			case "text/html":
				a = acceptHTML
			default:
				continue
			}
			if q := weight(params); q > bestWeight {
				best, bestWeight = a, q
			}
		}
	}
	return best
}

// weight reads the q parameter: 1 if there is none, 0 if it is invalid.
func weight(params string) float64 {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		q, err := strconv.ParseFloat(value, 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}

// A page is the content of a refusal's body.
type page struct {
	Code    string `json:"code"`
	Error   string `json:"error"`
	Message string `json:"message"`
	Target  string `json:"target,omitempty"`
	Client  string `json:"client,omitempty"`
	ID      string `json:"id,omitempty"`
	// Why is the command that explains this record; Explain is the one that explains the request.
	Why     string `json:"why,omitempty"`
	Explain string `json:"explain,omitempty"`
	// Contact and Link are from the configuration, for people who are refused.
	Contact string `json:"contact,omitempty"`
	Link    string `json:"link,omitempty"`

	Status int    `json:"-"`
	Title  string `json:"-"`
}

// body returns the refusal's page, and its media type.
func (f *refusal) body(a accepted) (contentType string, body []byte) {
	p := page{
		Code:    f.code,
		Error:   f.word,
		Message: f.text,
		Target:  f.target.HostPort(),
		ID:      f.id,
		Status:  f.status,
		Title:   f.head,
		Contact: f.contact,
		Link:    f.link,
	}
	if f.client.IsValid() {
		p.Client = f.client.String()
	}
	if f.id != "" {
		p.Why = "webproxy why " + f.id
	}
	if !f.target.IsZero() && p.Client != "" {
		p.Explain = "webproxy explain " + targetURL(f.target) + " --client " + p.Client
	}
	switch a {
	case acceptJSON:
		b, err := json.Marshal(p)
		if err == nil {
			return "application/json", append(b, '\n')
		}
	case acceptHTML:
		var b bytes.Buffer
		if pageTemplate.Execute(&b, p) == nil {
			return "text/html; charset=utf-8", b.Bytes()
		}
	}
	return "text/plain; charset=utf-8", p.plain()
}

// plain is the page as text.
func (p *page) plain() []byte {
	var b strings.Builder
	b.WriteString(p.Title + ": " + p.Code)
	if p.Target != "" {
		b.WriteString(" " + p.Target)
	}
	b.WriteString("\n" + p.Message + "\n")
	if p.Contact != "" {
		b.WriteString(p.Contact + "\n")
	}
	if p.Link != "" {
		b.WriteString(p.Link + "\n")
	}
	if p.ID != "" {
		b.WriteString("id: " + p.ID + "\n")
	}
	if p.Why != "" {
		b.WriteString("why: " + p.Why + "\n")
	}
	if p.Explain != "" {
		b.WriteString("explain: " + p.Explain + "\n")
	}
	return []byte(b.String())
}

// targetURL is t as a person would write it.
func targetURL(t policy.Target) string {
	port := ":" + strconv.Itoa(int(t.Scheme().DefaultPort()))
	return strings.TrimSuffix(t.String(), port)
}

//go:embed refusal.html
var pageSource string

// pageTemplate escapes its values, although none of them was written by the client.
var pageTemplate = template.Must(template.New("refusal.html").Parse(pageSource))
