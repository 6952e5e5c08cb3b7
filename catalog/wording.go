package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"webproxy/internal/spelling"
	"webproxy/policy"
)

const (
	publicCloud = "public"
	// unused as a value of policy.names says that there is no such thing here: no key vault, no Arc
	// gateway. Its endpoints stay off, and nobody is reminded to fill them in.
	unused = "none"
	// gatewayName is the placeholder whose value changes which endpoints are needed at all.
	gatewayName = "gateway"
)

// placeholders are the keys of policy.names, with what they stand for.
var placeholders = map[string]string{
	gatewayName:  "the id of the Azure Arc gateway: the first label of its URL",
	"keyvault":   "the Azure Key Vault of the deployment's secrets",
	"regioncode": "the short name of policy.region, such as eus, where this program does not know it",
	"witness":    "the storage account of the cloud witness",
	"workspace":  "the id of the Log Analytics workspace of the Azure Monitor agent",
	"dce":        "the first label of the data collection endpoint of the Azure Monitor agent",
}

// PlaceholderNames returns the keys that policy.names may have, in alphabetical order. Each fills
// {KEY} in the hosts of the lists; policy.region fills {region}.
func PlaceholderNames() []string { return slices.Sorted(maps.Keys(placeholders)) }

// PlaceholderMeaning says what a key of policy.names stands for; "" if there is no such key.
func PlaceholderMeaning(name string) string { return placeholders[name] }

// A wording fills the placeholders of hosts for one place.
type wording struct {
	cloud, region string
	names         map[string]string
}

// CheckPlace returns everything that is wrong with place. The fields of its errors are relative to
// the policy section: "region", "names.keyvault". Get and its like refuse what CheckPlace finds.
func CheckPlace(place policy.Place) policy.SpecErrors {
	_, errs := newWording(place)
	return errs
}

// newWording checks place. What fills a placeholder must be one label: a value such as "*" or "a.b"
// would widen a rule, or move it to another zone.
func newWording(place policy.Place) (wording, policy.SpecErrors) {
	w := wording{cloud: place.Cloud, names: map[string]string{}}
	if w.cloud == "" {
		w.cloud = publicCloud
	}
	if !slices.Contains(clouds(), w.cloud) {
		return w, policy.SpecErrors{{Field: "cloud", Msg: fmt.Sprintf("%q: want public, china or usgov", place.Cloud)}}
	}
	var errs policy.SpecErrors
	for _, key := range slices.Sorted(maps.Keys(place.Names)) {
		value := strings.ToLower(place.Names[key])
		switch {
		case placeholders[key] == "":
			errs = append(errs, unknownPlaceholder(key))
		case value != "" && !isLabel(value):
			errs = append(errs, &policy.SpecError{
				Field: "names." + key, Msg: fmt.Sprintf("%q: want one label: letters, digits and hyphens", value),
				Hint: "it is " + placeholders[key],
			})
		default:
			w.names[key] = value
		}
	}
	if place.Region != "" {
		region, err := resolveRegion(w.cloud, strings.ToLower(place.Region), w.names["regioncode"] != "")
		if err != nil {
			errs = append(errs, err)
		}
		w.region = region
	}
	return w, errs
}

func unknownPlaceholder(key string) *policy.SpecError {
	hint := "the names are " + strings.Join(PlaceholderNames(), ", ")
	if near := spelling.Nearest(key, PlaceholderNames()); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	if key == "region" {
		hint = "the region has a setting of its own: policy.region"
	}
	return &policy.SpecError{Field: "names." + key, Msg: fmt.Sprintf("no placeholder %q in any list", key), Hint: hint}
}

// placeError is errs as one error for a caller who does not know where place came from.
func placeError(errs policy.SpecErrors) error {
	if len(errs) == 0 {
		return nil
	}
	lines := make([]string, len(errs))
	for i, e := range errs {
		lines[i] = "policy." + e.Error()
		if e.Hint != "" {
			lines[i] += " (" + e.Hint + ")"
		}
	}
	return errors.New(strings.Join(lines, "; "))
}

// hasGateway reports whether there is an Arc gateway.
func (w wording) hasGateway() bool {
	return w.names[gatewayName] != "" && w.names[gatewayName] != unused
}

// fill replaces the placeholders of host. The reason names the setting of the first that has no
// value; it is final if the operator said that there is none.
func (w wording) fill(host string) (filled, reason string, final bool) {
	for {
		before, rest, ok := strings.Cut(host, "{")
		if !ok {
			return host, "", false
		}
		key, after, _ := strings.Cut(rest, "}")
		value, setting := w.value(key)
		switch value {
		case "":
			return "", fmt.Sprintf("%s is not set: it fills {%s} in %s%s", setting, key, host, noneHint(key)), false
		case unused:
			return "", fmt.Sprintf("%s is none: it would fill {%s} in %s", setting, key, host), true
		}
		host = before + value + after
	}
}

// noneHint tells how to say that there is nothing to fill in.
func noneHint(key string) string {
	if key == "region" || key == "regioncode" {
		return ""
	}
	return "; if there is no such thing, set it to none"
}

func (w wording) value(key string) (value, setting string) {
	if key == "region" {
		return w.region, "policy.region"
	}
	value = w.names[key]
	if key == "regioncode" && value == "" {
		value = regionCode(w.region)
	}
	return value, "policy.names." + key
}

// isLabel reports whether s, in lower case, is one label of a host name (RFC 1123, 2.1).
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}
