package doctor

import (
	"cmp"
	"fmt"
	"time"
)

// A CheckerRow is a Row with the fields that Microsoft's environment checker writes to its report (AzStackHci.EnvironmentChecker),
// and the category that Test-AzureLocalConnectivity gives.
type CheckerRow struct {
	Name               string
	DisplayName        string
	Title              string
	Severity           string // CRITICAL, WARNING or INFORMATIONAL
	Status             string // SUCCESS, FAILURE or SKIPPED
	Description        string
	Remediation        string
	TargetResourceID   string
	TargetResourceName string
	TargetResourceType string
	Timestamp          string // RFC 3339, UTC
	ResultCategory     Category
	FindingID          string
	AdditionalData     map[string]string
	HealthCheckSource  string
}

// Checker returns the report in the form of the environment checker: a row for each endpoint and each notice. node is the
// name of this machine.
func (r *Report) Checker(node string) []CheckerRow {
	rows := []CheckerRow{}
	for i := range r.Rows {
		rows = append(rows, r.Rows[i].checker(node, r))
	}
	for _, n := range r.Notices {
		c := CheckerRow{
			Name: "Webproxy_" + n.Finding.ID, DisplayName: n.Finding.Title, Title: n.Finding.Title, Severity: "WARNING", Status: "FAILURE", Description: n.Detail,
			Remediation: n.Fix, TargetResourceID: node + "/" + r.Proxy, TargetResourceName: r.Proxy, TargetResourceType: "Proxy",
			Timestamp: r.Began.UTC().Format(time.RFC3339), ResultCategory: n.Finding.Category, FindingID: n.Finding.ID,
			AdditionalData: map[string]string{"Source": node, "Resource": r.Proxy, "Detail": n.Detail, "Status": "FAILURE"}, HealthCheckSource: "webproxy doctor",
		}
		if n.Finding.Blocks {
			c.Severity = "CRITICAL"
		}
		rows = append(rows, c)
	}
	return rows
}

func (row *Row) checker(node string, r *Report) CheckerRow {
	at := row.Endpoint()
	if row.Skip == "" {
		at = fmt.Sprintf("%s://%s%s", row.Scheme, row.At(), row.Path)
	}
	c := CheckerRow{
		Name: "Webproxy_Connectivity_" + cmp.Or(row.Listed, row.Host), DisplayName: "Connectivity to " + at, Title: "Connectivity to " + at,
		Severity: "INFORMATIONAL", Status: "SUCCESS", Description: row.Description, Remediation: row.Fix,
		TargetResourceID: node + "/" + at, TargetResourceName: at, TargetResourceType: "External Endpoint",
		Timestamp: row.Seen.At.UTC().Format(time.RFC3339), ResultCategory: row.Category, HealthCheckSource: "webproxy doctor",
	}
	if row.Seen.At.IsZero() {
		c.Timestamp = r.Began.UTC().Format(time.RFC3339)
	}
	switch f := row.Finding; {
	case f != nil:
		c.FindingID, c.Status, c.Severity, c.Title = f.ID, "FAILURE", "WARNING", f.Title+": "+at
		if f.Blocks && row.Required {
			c.Severity = "CRITICAL"
		}
	case row.Category == Skipped:
		c.Status = "SKIPPED"
	}
	data := map[string]string{
		"Source": node, "Resource": at, "Detail": row.Detail, "Status": c.Status, "Listed": row.Listed, "ListedIn": row.Source, "Issuer": row.Issuer,
		"Proxy": r.Proxy, "Group": r.Group, "Policy": r.Policy,
	}
	if len(row.Seen.Hops) > 0 {
		hop := &row.Seen.Hops[0]
		data["HTTPStatus"] = fmt.Sprint(hop.Status)
		data["Decision"], data["RecordID"] = cmp.Or(hop.Refused, "allow"), hop.ID
		data["ConnectMs"], data["TLSMs"], data["FirstByteMs"] = milliseconds(hop.Connect), milliseconds(hop.TLS), milliseconds(hop.FirstByte)
		if len(row.Seen.Hops) > 1 {
			data["RedirectedTo"] = row.Seen.Hops[len(row.Seen.Hops)-1].URL.Redacted()
		}
	}
	for k, v := range data {
		if v == "" {
			delete(data, k)
		}
	}
	if len(row.Seen.Addrs) > 0 {
		data["Addresses"] = fmt.Sprint(row.Seen.Addrs)
	}
	for _, a := range row.Seen.Asked {
		data["DNS "+a.Server] = a.Answer
	}
	c.AdditionalData = data
	return c
}

func milliseconds(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return fmt.Sprint(max(d.Milliseconds(), 1))
}
