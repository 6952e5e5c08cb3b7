package export

import (
	"net/netip"
	"strconv"
	"strings"
	"webproxy/audit"
)

// asim is an event of Microsoft Sentinel's ASIM schema WebSession.
type asim struct {
	TimeGenerated   string `json:"TimeGenerated"`
	EventCount      int64  `json:"EventCount"`
	EventStartTime  string `json:"EventStartTime"`
	EventEndTime    string `json:"EventEndTime"`
	EventType       string `json:"EventType"`
	EventSubType    string `json:"EventSubType"`
	EventResult     string `json:"EventResult"`
	ResultDetails   string `json:"EventResultDetails"` // the HTTP status, or NA
	OriginalDetails string `json:"EventOriginalResultDetails"`
	Severity        string `json:"EventSeverity"`
	Product         string `json:"EventProduct"`
	Vendor          string `json:"EventVendor"`
	Schema          string `json:"EventSchema"`
	SchemaVersion   string `json:"EventSchemaVersion"`
	OriginalUID     string `json:"EventOriginalUid"`
	Dvc             string `json:"Dvc"`
	DvcAction       string `json:"DvcAction"`

	SrcIPAddr   *netip.Addr `json:"SrcIpAddr,omitempty"`
	SrcPort     uint16      `json:"SrcPortNumber,omitempty"`
	SrcHostname string      `json:"SrcHostname,omitempty"`
	DstIPAddr   *netip.Addr `json:"DstIpAddr,omitempty"`
	DstPort     uint16      `json:"DstPortNumber,omitempty"`
	DstHostname string      `json:"DstHostname,omitempty"`
	DstFQDN     string      `json:"DstFQDN,omitempty"`
	SrcBytes    *int64      `json:"SrcBytes,omitempty"`
	DstBytes    *int64      `json:"DstBytes,omitempty"`

	URL       string `json:"Url"`
	Method    string `json:"HttpRequestMethod,omitempty"`
	Status    string `json:"HttpStatusCode,omitempty"`
	SessionID string `json:"NetworkSessionId,omitempty"`
	Duration  int64  `json:"NetworkDuration,omitempty"` // milliseconds
	Protocol  string `json:"NetworkProtocol"`
	Direction string `json:"NetworkDirection"`
	Rule      string `json:"RuleName,omitempty"`

	More asimMore `json:"AdditionalFields"`
}

// asimMore are fields that the schema does not have.
type asimMore struct {
	Seq        uint64 `json:"seq"`
	Decision   string `json:"decision"`
	Reason     string `json:"reason"`
	Group      string `json:"group,omitempty"`
	Mode       string `json:"mode,omitempty"`
	Phase      string `json:"phase,omitempty"`
	RuleSource string `json:"rule_src,omitempty"`
	Policy     string `json:"policy,omitempty"`
	ServiceTag string `json:"service_tag,omitempty"`
	SNI        string `json:"sni,omitempty"`
	Error      string `json:"error,omitempty"`
	ALPN       string `json:"alpn,omitempty"`
	JA4        string `json:"ja4,omitempty"`

	Hosts  int      `json:"hosts,omitempty"`
	Sample []string `json:"sample,omitempty"`
}

// asimVersion is the version of the schema WebSession.
const asimVersion = "0.2.6"

func newASIM(r *audit.Record) asim {
	at := r.Time.UTC().Format(audit.TimeLayout)
	a := asim{
		TimeGenerated: at, EventCount: max(r.Count, 1), EventStartTime: at, EventEndTime: at,
		EventType: "HTTPsession", EventSubType: string(r.Type), EventResult: asimResult(r), ResultDetails: "NA", OriginalDetails: r.Reason,
		Severity: "Low", Product: "webproxy", Vendor: "webproxy", Schema: "WebSession", SchemaVersion: asimVersion,
		OriginalUID: uidOf(r), Dvc: orWord(r.Site, "webproxy"), DvcAction: "Deny",
		SrcIPAddr: addrOrNil(r.Client), SrcPort: r.ClientPort, SrcHostname: r.ClientName,
		DstIPAddr: addrOrNil(r.DstIP), DstPort: r.Port,
		URL: urlOrError(r), Method: r.Method, SessionID: r.ID, Duration: audit.Milliseconds(r.Duration),
		Protocol: "TCP", Direction: "Outbound", Rule: r.Rule,
		More: asimMore{r.Seq, string(r.Decision), r.Reason, r.Group, r.Mode, r.Phase, r.RuleSource, r.Policy, r.ServiceTag, r.SNI, r.Error, r.ALPN, r.JA4, r.Hosts, r.Sample},
	}
	if permitted(r) {
		a.DvcAction, a.Severity = "Allow", "Informational"
	}
	if isHostname(r.Host) {
		a.DstHostname, _, _ = strings.Cut(r.Host, ".")
		if strings.Contains(r.Host, ".") {
			a.DstFQDN = r.Host
		}
	} else if addr, err := netip.ParseAddr(r.Host); err == nil && a.DstIPAddr == nil {
		a.DstIPAddr = &addr
	}
	switch r.Type {
	case audit.TypeRepeat:
		a.EventStartTime, a.EventEndTime = r.First.UTC().Format(audit.TimeLayout), r.Last.UTC().Format(audit.TimeLayout)
	case audit.TypeClose:
		a.EventStartTime = r.Time.Add(-r.Duration).UTC().Format(audit.TimeLayout)
		a.SrcBytes, a.DstBytes = &r.BytesOut, &r.BytesIn
	}
	if r.Status != 0 {
		a.Status = strconv.Itoa(r.Status)
		a.ResultDetails = a.Status
	}
	return a
}

// asimResult is EventResult: by the schema, a status below 400 is a success. A request that has only begun has none
// yet.
func asimResult(r *audit.Record) string {
	switch {
	case !permitted(r), failed(r), r.Status >= 400:
		return "Failure"
	case r.Type == audit.TypeDecision:
		return "NA"
	}
	return "Success"
}

func orWord(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
