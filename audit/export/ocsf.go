package export

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"webproxy/audit"
)

// ocsfVersion is the version of OCSF that ocsf events are of: class 4002, HTTP Activity, with the profile
// security_control.
const ocsfVersion = "1.3.0"

type ocsf struct {
	ActivityID    int           `json:"activity_id"`
	ActivityName  string        `json:"activity_name"`
	CategoryUID   int           `json:"category_uid"`
	ClassUID      int           `json:"class_uid"`
	TypeUID       int           `json:"type_uid"`
	SeverityID    int           `json:"severity_id"`
	Time          int64         `json:"time"` // milliseconds since 1970
	StartTime     int64         `json:"start_time,omitempty"`
	EndTime       int64         `json:"end_time,omitempty"`
	Duration      int64         `json:"duration,omitempty"` // milliseconds
	Count         int64         `json:"count,omitempty"`
	ActionID      int           `json:"action_id"`
	DispositionID int           `json:"disposition_id"`
	StatusID      int           `json:"status_id"`
	StatusDetail  string        `json:"status_detail,omitempty"`
	Metadata      ocsfMetadata  `json:"metadata"`
	Src           *ocsfEndpoint `json:"src_endpoint,omitempty"`
	Dst           ocsfEndpoint  `json:"dst_endpoint"`
	Request       ocsfRequest   `json:"http_request"`
	Response      ocsfResponse  `json:"http_response"`
	Traffic       *ocsfTraffic  `json:"traffic,omitempty"`
	TLS           *ocsfTLS      `json:"tls,omitempty"`
	Rule          *ocsfRule     `json:"firewall_rule,omitempty"`
	Unmapped      ocsfUnmapped  `json:"unmapped"`
}

type ocsfMetadata struct {
	Version     string      `json:"version"`
	Profiles    []string    `json:"profiles"`
	Product     ocsfProduct `json:"product"`
	LogName     string      `json:"log_name"`
	UID         string      `json:"uid"`
	Correlation string      `json:"correlation_uid,omitempty"`
	Sequence    uint64      `json:"sequence"`
}

type ocsfProduct struct {
	Name   string `json:"name"`
	Vendor string `json:"vendor_name"`
}

type ocsfEndpoint struct {
	IP       *netip.Addr `json:"ip,omitempty"`
	Port     uint16      `json:"port,omitempty"`
	Hostname string      `json:"hostname,omitempty"`
	Name     string      `json:"name,omitempty"`
}

type ocsfRequest struct {
	Method string   `json:"http_method,omitempty"`
	UID    string   `json:"uid,omitempty"`
	URL    *ocsfURL `json:"url,omitempty"`
}

type ocsfURL struct {
	Hostname string `json:"hostname,omitempty"`
	Port     uint16 `json:"port,omitempty"`
	Scheme   string `json:"scheme,omitempty"`
	Path     string `json:"path,omitempty"`
	Text     string `json:"url_string,omitempty"`
}

type ocsfResponse struct {
	Code    int    `json:"code"` // 0 if the client has had no response
	Message string `json:"message,omitempty"`
}

type ocsfTraffic struct {
	BytesIn  int64 `json:"bytes_in"`
	BytesOut int64 `json:"bytes_out"`
	Bytes    int64 `json:"bytes"`
}

type ocsfTLS struct {
	Version string `json:"version"` // the highest that the client offered
	SNI     string `json:"sni,omitempty"`
}

type ocsfRule struct {
	Name    string `json:"name"`
	Desc    string `json:"desc,omitempty"`
	Version string `json:"version,omitempty"` // digest of the policy that it is of
}

type ocsfUnmapped struct {
	Type       audit.Type `json:"type"`
	Site       string     `json:"site,omitempty"`
	Group      string     `json:"group,omitempty"`
	Mode       string     `json:"mode,omitempty"`
	Phase      string     `json:"phase,omitempty"`
	Decision   string     `json:"decision"`
	Policy     string     `json:"policy,omitempty"`
	Method     string     `json:"method,omitempty"` // one that OCSF does not have
	ServiceTag string     `json:"service_tag,omitempty"`
	Error      string     `json:"error,omitempty"`
	ALPN       string     `json:"alpn,omitempty"`
	JA4        string     `json:"ja4,omitempty"`

	Hosts  int      `json:"hosts,omitempty"`
	Sample []string `json:"sample,omitempty"`
}

func newOCSF(r *audit.Record) ocsf {
	o := ocsf{
		CategoryUID: 4, ClassUID: 4002, SeverityID: 1,
		Time: r.Time.UnixMilli(), Count: r.Count, Duration: audit.Milliseconds(r.Duration),
		ActionID: 2, DispositionID: 2, StatusID: 2, StatusDetail: r.Reason,
		Metadata: ocsfMetadata{
			Version: ocsfVersion, Profiles: []string{"security_control"}, Product: ocsfProduct{"webproxy", "webproxy"},
			LogName: "audit", UID: uidOf(r), Correlation: r.ID, Sequence: r.Seq,
		},
		Dst:     ocsfDestination(r),
		Request: ocsfRequest{UID: r.ID},
		Unmapped: ocsfUnmapped{Type: r.Type, Site: r.Site, Group: r.Group, Mode: r.Mode, Phase: r.Phase, Decision: string(r.Decision), Policy: r.Policy,
			ServiceTag: r.ServiceTag, Error: r.Error, ALPN: r.ALPN, JA4: r.JA4, Hosts: r.Hosts, Sample: r.Sample},
	}
	o.ActivityID, o.ActivityName = ocsfActivity(r.Method)
	switch o.ActivityID {
	case ocsfOther:
		o.Unmapped.Method = r.Method
	default:
		o.Request.Method = r.Method
	}
	if r.Client.IsValid() {
		o.Src = &ocsfEndpoint{IP: &r.Client, Port: r.ClientPort}
		o.Src.name(r.ClientName)
	}
	if r.Host != "" {
		o.Request.URL = &ocsfURL{Port: r.Port, Scheme: r.Scheme, Path: r.Path, Text: urlOf(r)}
		if isHostname(r.Host) {
			o.Request.URL.Hostname = r.Host
		}
	}
	o.TypeUID = o.ClassUID*100 + o.ActivityID
	if permitted(r) {
		o.ActionID, o.DispositionID, o.StatusID = 1, 1, 1
		switch {
		case failed(r):
			o.StatusID = 2
		case r.Type == audit.TypeDecision:
			o.StatusID = 0 // it has only begun
		}
	}
	switch r.Type {
	case audit.TypeRepeat:
		o.StartTime, o.EndTime = r.First.UnixMilli(), r.Last.UnixMilli()
	case audit.TypeClose:
		o.StartTime, o.EndTime = r.Time.Add(-r.Duration).UnixMilli(), r.Time.UnixMilli()
		o.Traffic = &ocsfTraffic{r.BytesIn, r.BytesOut, r.BytesIn + r.BytesOut}
	}
	o.Response.Code = r.Status // the schema requires it
	if r.Status == 0 {
		o.Response.Message = "no response yet"
		if r.Type == audit.TypeClose {
			o.Response.Message = "no response"
		}
	}
	if r.SNI != "" || r.TLS != "" && r.TLS != "none" {
		o.TLS = &ocsfTLS{cmp.Or(r.TLS, "Unknown"), r.SNI} // the schema requires a version
	}
	if r.Rule != "" {
		o.Rule = &ocsfRule{r.Rule, r.RuleSource, r.Policy}
	}
	return o
}

// ocsfOther is the activity_id for everything that OCSF has no number for.
const ocsfOther = 99

// ocsfActivity is the activity_id of a method with its name. OCSF has eight methods; those are also the only values
// that http_method may have.
func ocsfActivity(method string) (id int, name string) {
	for i, m := range []string{"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE"} {
		if m == method {
			return i + 1, m[:1] + strings.ToLower(m[1:])
		}
	}
	if method == "" {
		return 0, "Unknown"
	}
	return ocsfOther, method
}

// ocsfDestination is the required dst_endpoint, which needs a name or an address. A request that names no host got
// only as far as the proxy; denials that were counted together are for several hosts.
func ocsfDestination(r *audit.Record) ocsfEndpoint {
	end := ocsfEndpoint{IP: addrOrNil(r.DstIP), Port: r.Port}
	switch {
	case r.Host != "":
		end.name(r.Host)
	case r.Hosts > 0:
		end.Name = "several hosts"
	default:
		end.Name = orWord(r.Site, "webproxy")
	}
	return end
}

// name puts host where the schema wants it: an address is not a hostname, nor is a name with other characters than
// letters, digits and hyphens.
func (e *ocsfEndpoint) name(host string) {
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	switch {
	case host == "":
	case err == nil:
		if e.IP == nil {
			e.IP = &addr
		}
	case isHostname(host):
		e.Hostname = host
	default:
		e.Name = host
	}
}

// isHostname reports whether host is a name by RFC 1123, 2.1, and no IP address.
func isHostname(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if c := label[i]; c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
				return false
			}
		}
	}
	return true
}

// uid identifies a record among those of all sites.
func uidOf(r *audit.Record) string {
	id := r.Time.UTC().Format(time.DateOnly) + "/" + strconv.FormatUint(r.Seq, 10)
	if r.Site != "" {
		return r.Site + "/" + id
	}
	return id
}

// addrOrNil is for fields that must not be there without an address.
func addrOrNil(a netip.Addr) *netip.Addr {
	if !a.IsValid() {
		return nil
	}
	return &a
}
