package audit

import (
	"cmp"
	"net/netip"
	"time"
)

// ocsfVersion is the version of OCSF that ocsf events are of: class 4002, HTTP Activity, with the profile
// security_control.
const ocsfVersion = "1.3.0"

type ocsf struct {
	ActivityID    int           `json:"activity_id"`
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
	Src           ocsfEndpoint  `json:"src_endpoint"`
	Dst           ocsfEndpoint  `json:"dst_endpoint"`
	Request       ocsfRequest   `json:"http_request"`
	Response      *ocsfResponse `json:"http_response,omitempty"`
	Traffic       *ocsfTraffic  `json:"traffic,omitempty"`
	TLS           *ocsfTLS      `json:"tls,omitempty"`
	Rule          *ocsfRule     `json:"firewall_rule,omitempty"`
	Policy        *ocsfPolicy   `json:"policy,omitempty"`
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
	Method string  `json:"http_method,omitempty"`
	UID    string  `json:"uid,omitempty"`
	URL    ocsfURL `json:"url"`
}

type ocsfURL struct {
	Hostname string `json:"hostname,omitempty"`
	Port     uint16 `json:"port,omitempty"`
	Scheme   string `json:"scheme,omitempty"`
	Path     string `json:"path,omitempty"`
	Text     string `json:"url_string,omitempty"`
}

type ocsfResponse struct {
	Code int `json:"code"`
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
	Name string `json:"name"`
	Desc string `json:"desc,omitempty"`
}

type ocsfPolicy struct {
	Version string `json:"version"`
}

type ocsfUnmapped struct {
	Type       Type   `json:"type"`
	Site       string `json:"site,omitempty"`
	Group      string `json:"group,omitempty"`
	Mode       string `json:"mode,omitempty"`
	Phase      string `json:"phase,omitempty"`
	Decision   string `json:"decision"`
	ServiceTag string `json:"service_tag,omitempty"`
	Error      string `json:"error,omitempty"`
	ALPN       string `json:"alpn,omitempty"`
	JA4        string `json:"ja4,omitempty"`

	Hosts  int      `json:"hosts,omitempty"`
	Sample []string `json:"sample,omitempty"`
}

func newOCSF(r *Record) ocsf {
	o := ocsf{
		CategoryUID: 4, ClassUID: 4002, ActivityID: ocsfActivity(r.Method), SeverityID: 1,
		Time: r.Time.UnixMilli(), Count: r.Count, Duration: milliseconds(r.Duration),
		ActionID: 2, DispositionID: 2, StatusID: 2, StatusDetail: r.Reason,
		Metadata: ocsfMetadata{
			Version: ocsfVersion, Profiles: []string{"security_control"}, Product: ocsfProduct{"webproxy", "webproxy"},
			LogName: "audit", UID: r.uid(), Correlation: r.ID, Sequence: r.Seq,
		},
		Src:      ocsfEndpoint{IP: addrOrNil(r.Client), Port: r.ClientPort, Hostname: r.ClientName},
		Dst:      ocsfEndpoint{IP: addrOrNil(r.DstIP), Port: r.Port, Hostname: r.Host},
		Request:  ocsfRequest{r.Method, r.ID, ocsfURL{r.Host, r.Port, r.Scheme, r.Path, r.url()}},
		Unmapped: ocsfUnmapped{r.Type, r.Site, r.Group, r.Mode, r.Phase, r.Decision, r.ServiceTag, r.Error, r.ALPN, r.JA4, r.Hosts, r.Sample},
	}
	o.TypeUID = o.ClassUID*100 + o.ActivityID
	if r.permitted() {
		o.ActionID, o.DispositionID = 1, 1
		if !r.failed() {
			o.StatusID = 1
		}
	}
	switch r.Type {
	case TypeRepeat:
		o.StartTime, o.EndTime = r.First.UnixMilli(), r.Last.UnixMilli()
	case TypeClose:
		o.StartTime, o.EndTime = r.Time.Add(-r.Duration).UnixMilli(), r.Time.UnixMilli()
		o.Traffic = &ocsfTraffic{r.BytesIn, r.BytesOut, r.BytesIn + r.BytesOut}
	}
	if r.Status != 0 {
		o.Response = &ocsfResponse{r.Status}
	}
	if r.SNI != "" || r.TLS != "" && r.TLS != "none" {
		o.TLS = &ocsfTLS{cmp.Or(r.TLS, "Unknown"), r.SNI} // the schema requires a version
	}
	if r.Rule != "" {
		o.Rule = &ocsfRule{r.Rule, r.RuleSource}
	}
	if r.Policy != "" {
		o.Policy = &ocsfPolicy{r.Policy}
	}
	return o
}

// ocsfActivity is the activity_id of a method: that of OCSF, or 99 for others.
func ocsfActivity(method string) int {
	for i, m := range []string{"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE"} {
		if m == method {
			return i + 1
		}
	}
	if method == "" {
		return 0
	}
	return 99
}

// uid names a record among those of all sites.
func (r *Record) uid() string {
	id := r.Time.UTC().Format(time.DateOnly) + "/" + fieldText(&r.Seq)
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
