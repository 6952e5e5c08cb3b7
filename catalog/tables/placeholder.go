package tables

import (
	"fmt"
	"strings"

	"webproxy/catalog"
	"webproxy/policy"
)

// placeholder matches a placeholder in any of the brackets that documents use.
var placeholder = lazy(`<[A-Za-z][^<>\[\]{}|"/:=]{0,60}>|\{[A-Za-z][^<>\[\]{}|"/:=]{0,60}\}|\[[A-Za-z][^<>\[\]{}|"/:=]{0,60}\]`)

// bracePlaceholders writes each placeholder of s that is a part of an address as {name}. A bracketed word that stands alone is
// kept.
func bracePlaceholders(s string) string {
	var b strings.Builder
	end := 0
	for _, at := range placeholder().FindAllStringIndex(s, -1) {
		if !touches(s, at[0], at[1]) {
			continue
		}
		b.WriteString(s[end:at[0]])
		b.WriteString("{" + slug(s[at[0]+1:at[1]-1]) + "}")
		end = at[1]
	}
	return b.String() + s[end:]
}

// touches reports whether s[from:to] is a part of a longer word.
func touches(s string, from, to int) bool {
	return from > 0 && strings.IndexByte(".-/=*", s[from-1]) >= 0 || to < len(s) && strings.IndexByte(".-", s[to]) >= 0
}

// slug is a placeholder's text as a name: "Your URL Prefix" is your-url-prefix.
func slug(s string) string {
	words := strings.FieldsFunc(strings.ToLower(s), func(c rune) bool {
		return !('a' <= c && c <= 'z' || '0' <= c && c <= '9')
	})
	return strings.Join(words, "-")
}

// none as the value of a placeholder says that the site has no such thing: an address with it is not a rule.
const none = "none"

// A filler has the values of placeholders, by the keys of policy.names and "region".
type filler struct {
	values map[string]string
	denied bool // entries are made from what a document denies
}

func newFilling(place policy.Place) (filler, error) {
	f := filler{values: map[string]string{}}
	for key, value := range place.Names {
		if !isLabel(value) {
			return f, fmt.Errorf("name %s=%q: want one label: letters, digits and hyphens", key, value)
		}
		f.values[key] = strings.ToLower(value)
	}
	if place.Region == "" {
		return f, nil
	}
	region, code, err := regionNames(place.Region, f.values["regioncode"])
	if err != nil {
		return f, err
	}
	f.values["region"] = region
	if code != "" {
		f.values["regioncode"] = code
	}
	return f, nil
}

// regionNames returns both names of a region, such as "eastus" and "eus", of which one is given. They are read from the hosts of a
// list of the catalog. Code is the short name, if the caller knows it; with it a region may be unknown to the catalog.
func regionNames(region, code string) (long, short string, err error) {
	const name = "arc-gateway-reduced@2026-07"
	place := policy.Place{Region: region, Names: map[string]string{"regioncode": code}}
	list, err := catalog.Get(name, place)
	if err != nil {
		return otherCloud(place, code)
	}
	long, short = strings.ToLower(region), code
	for _, e := range list.Entries {
		if l, ok := strings.CutSuffix(e.Host.String(), ".login.microsoft.com"); ok {
			long = l
		}
		if c, ok := strings.CutSuffix(e.Host.String(), ".his.arc.azure.com"); ok && c != "gbl" {
			short = c
		}
	}
	return long, short, nil
}

// otherCloud accepts a region of another cloud than the public one.
func otherCloud(place policy.Place, code string) (long, short string, err error) {
	public := catalog.CheckPlace(place)
	for _, place.Cloud = range []string{"china", "usgov"} {
		if len(catalog.CheckPlace(place)) == 0 {
			return strings.ToLower(place.Region), code, nil
		}
	}
	if public[0].Hint != "" {
		return "", "", fmt.Errorf("%w (%s)", public, public[0].Hint)
	}
	return "", "", public
}

// isLabel reports whether s can be one label of a host name (RFC 1123, 2.1).
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for _, c := range strings.ToLower(s) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

// fill replaces the placeholders of an address. missing are the keys without a value, or with the value none; filled has {key} for
// them.
func (f filler) fill(address string) (filled string, missing []string) {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(address, "{")
		name, after, closed := strings.Cut(rest, "}")
		if !ok || !closed {
			b.WriteString(address)
			return b.String(), missing
		}
		key := keyOf(name, b.String()+before, after)
		value := f.values[key]
		if value == "" || value == none {
			missing = append(missing, key)
			value = "{" + key + "}"
		}
		b.WriteString(before + value)
		address = after
	}
}

// keyOf is the setting that fills a placeholder. The text around it says more than its name.
func keyOf(name, before, after string) string {
	_, host, ok := strings.Cut(before, "://")
	if !ok {
		host = before
	}
	switch {
	case strings.HasPrefix(after, ".his.arc.") && host == "":
		return "regioncode"
	case strings.Contains(name, "region") || strings.Contains(name, "location"):
		return "region"
	case host != "":
		return name
	case strings.HasPrefix(after, ".vault."):
		return "keyvault"
	case strings.HasPrefix(after, ".gw.arc."):
		return "gateway"
	case strings.HasPrefix(after, ".blob.core."):
		return "witness"
	}
	return name
}

// yourName reports whether host begins with a placeholder without brackets, such as yourhcikeyvaultname.vault.azure.net. Only names
// below a customer's domain, or with an ending such as "name", count: there are hosts such as yourphone.example.com.
func yourName(host string) (label string, ok bool) {
	label, rest, _ := strings.Cut(strings.ToLower(host), ".")
	if !strings.HasPrefix(label, "your") {
		return "", false
	}
	for _, own := range []string{"vault.", "gw.arc.", "blob.core."} {
		if strings.HasPrefix(rest, own) {
			return label, true
		}
	}
	for _, end := range []string{"name", "id", "account", "endpoint", "prefix", "region", "tenant"} {
		if strings.HasSuffix(label, end) {
			return label, true
		}
	}
	return label, strings.HasPrefix(label, "your-") || strings.HasPrefix(label, "your_")
}
