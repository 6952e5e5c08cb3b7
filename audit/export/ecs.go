package export

import (
	"net/netip"
	"strings"
	"time"
	"webproxy/audit"
)

// ecsVersion is the version of the Elastic Common Schema that ecs events are of.
const ecsVersion = "8.11.0"

type ecs struct {
	Timestamp   string      `json:"@timestamp"`
	ECS         ecsSchema   `json:"ecs"`
	Message     string      `json:"message"`
	Event       ecsEvent    `json:"event"`
	Source      ecsEnd      `json:"source"`
	Destination ecsEnd      `json:"destination"`
	URL         *ecsURL     `json:"url,omitempty"`
	HTTP        ecsHTTP     `json:"http"`
	Network     ecsNetwork  `json:"network"`
	Observer    ecsObserver `json:"observer"`
	Rule        *ecsRule    `json:"rule,omitempty"`
	TLS         *ecsTLS     `json:"tls,omitempty"`
	Error       *ecsError   `json:"error,omitempty"`
	Webproxy    ecsOurs     `json:"webproxy"`
}

type ecsSchema struct {
	Version string `json:"version"`
}

type ecsEvent struct {
	Kind     string     `json:"kind"`
	Category []string   `json:"category"`
	Type     []string   `json:"type"`
	Action   audit.Type `json:"action"`
	Outcome  string     `json:"outcome"`
	Reason   string     `json:"reason"`
	Dataset  string     `json:"dataset"`
	ID       string     `json:"id"`
	Sequence uint64     `json:"sequence"`
	Start    string     `json:"start,omitempty"`
	End      string     `json:"end,omitempty"`
	Duration int64      `json:"duration,omitempty"` // nanoseconds
}

type ecsEnd struct {
	Address string      `json:"address,omitempty"`
	IP      *netip.Addr `json:"ip,omitempty"`
	Port    uint16      `json:"port,omitempty"`
	Domain  string      `json:"domain,omitempty"`
	Bytes   *int64      `json:"bytes,omitempty"`
}

type ecsURL struct {
	Domain string `json:"domain"`
	Port   uint16 `json:"port,omitempty"`
	Scheme string `json:"scheme,omitempty"`
	Path   string `json:"path,omitempty"`
	Full   string `json:"full"`
}

type ecsHTTP struct {
	Request  ecsRequest   `json:"request"`
	Response *ecsResponse `json:"response,omitempty"`
}

type ecsRequest struct {
	Method string `json:"method,omitempty"`
	ID     string `json:"id,omitempty"`
}

type ecsResponse struct {
	Status int `json:"status_code"`
}

type ecsNetwork struct {
	Transport string `json:"transport"`
	Direction string `json:"direction"`
	Protocol  string `json:"protocol,omitempty"`
	Bytes     *int64 `json:"bytes,omitempty"`
}

type ecsObserver struct {
	Type    string `json:"type"`
	Product string `json:"product"`
	Vendor  string `json:"vendor"`
	Name    string `json:"name,omitempty"`
}

type ecsRule struct {
	Name      string `json:"name"`
	Reference string `json:"reference,omitempty"`
	Ruleset   string `json:"ruleset,omitempty"`
}

type ecsTLS struct {
	Client ecsTLSClient `json:"client"`
}

type ecsTLSClient struct {
	ServerName string `json:"server_name"`
}

type ecsError struct {
	Code string `json:"code"`
}

// ecsOurs are fields that the schema does not have.
type ecsOurs struct {
	Decision   string `json:"decision"`
	Group      string `json:"group,omitempty"`
	Mode       string `json:"mode,omitempty"`
	Phase      string `json:"phase,omitempty"`
	ServiceTag string `json:"service_tag,omitempty"`
	Count      int64  `json:"count,omitempty"`

	Hosts  int      `json:"hosts,omitempty"`
	Sample []string `json:"sample,omitempty"`
	ALPN   string   `json:"alpn,omitempty"`
	JA4    string   `json:"ja4,omitempty"`
}

func newECS(r *audit.Record) ecs {
	e := ecs{
		Timestamp: r.Time.UTC().Format(audit.TimeLayout), ECS: ecsSchema{ecsVersion},
		Message: strings.Join(strings.Fields(string(r.Decision)+" "+r.Method+" "+urlOf(r)), " ") + ": " + r.Reason,
		Event: ecsEvent{
			Kind: "event", Category: []string{"network", "web"}, Type: ecsTypes(r), Action: r.Type, Outcome: ecsOutcome(r),
			Reason: r.Reason, Dataset: "webproxy.audit", ID: uidOf(r), Sequence: r.Seq,
		},
		Source:      ecsEnd{Address: audit.AddrText(r.Client), IP: addrOrNil(r.Client), Port: r.ClientPort, Domain: r.ClientName},
		Destination: ecsDestination(r),
		HTTP:        ecsHTTP{Request: ecsRequest{r.Method, r.ID}},
		Network:     ecsNetwork{Transport: "tcp", Direction: "outbound", Protocol: ecsProtocol(r)},
		Observer:    ecsObserver{"proxy", "webproxy", "webproxy", r.Site},
		Webproxy:    ecsOurs{string(r.Decision), r.Group, r.Mode, r.Phase, r.ServiceTag, r.Count, r.Hosts, r.Sample, r.ALPN, r.JA4},
	}
	if r.Host != "" {
		e.URL = &ecsURL{urlHost(r), r.Port, r.Scheme, r.Path, urlOf(r)}
	}
	switch r.Type {
	case audit.TypeRepeat:
		e.Event.Start, e.Event.End = r.First.UTC().Format(audit.TimeLayout), r.Last.UTC().Format(audit.TimeLayout)
	case audit.TypeClose:
		e.Event.Start, e.Event.End = r.Time.Add(-r.Duration).UTC().Format(audit.TimeLayout), e.Timestamp
		e.Event.Duration = int64(r.Duration / time.Nanosecond)
		all := r.BytesOut + r.BytesIn
		e.Source.Bytes, e.Destination.Bytes, e.Network.Bytes = &r.BytesOut, &r.BytesIn, &all
	}
	if r.Status != 0 {
		e.HTTP.Response = &ecsResponse{r.Status}
	}
	if r.Rule != "" {
		e.Rule = &ecsRule{r.Rule, r.RuleSource, r.Policy}
	}
	if r.SNI != "" {
		e.TLS = &ecsTLS{ecsTLSClient{r.SNI}}
	}
	if r.Error != "" {
		e.Error = &ecsError{r.Error}
	}
	return e
}

// ecsDestination has an address in place of a domain where the host is one.
func ecsDestination(r *audit.Record) ecsEnd {
	end := ecsEnd{Address: r.Host, IP: addrOrNil(r.DstIP), Port: r.Port}
	if addr, err := netip.ParseAddr(r.Host); err != nil {
		end.Domain = r.Host
	} else if end.IP == nil {
		end.IP = &addr
	}
	return end
}

func ecsTypes(r *audit.Record) []string {
	types := []string{"access", "connection", "denied"} // access is of the category web, the others of network
	if permitted(r) {
		types[2] = "allowed"
	}
	if r.Type == audit.TypeClose {
		types = append(types, "end")
	}
	return types
}

func ecsOutcome(r *audit.Record) string {
	switch {
	case !permitted(r), failed(r):
		return "failure"
	case r.Type == audit.TypeClose:
		return "success"
	}
	return "unknown" // it has only begun
}

func ecsProtocol(r *audit.Record) string {
	switch r.Scheme {
	case "https":
		return "tls"
	case "http":
		return "http"
	}
	return ""
}
