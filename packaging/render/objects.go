package main

import (
	"errors"
	"fmt"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	disruption "k8s.io/api/policy/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// objects make an object of each kind that the chart has.
var objects = map[string]func() any{
	"v1 ConfigMap":                            func() any { return new(core.ConfigMap) },
	"v1 Service":                              func() any { return new(core.Service) },
	"v1 ServiceAccount":                       func() any { return new(core.ServiceAccount) },
	"apps/v1 StatefulSet":                     func() any { return new(apps.StatefulSet) },
	"networking.k8s.io/v1 NetworkPolicy":      func() any { return new(networking.NetworkPolicy) },
	"policy/v1 PodDisruptionBudget":           func() any { return new(disruption.PodDisruptionBudget) },
	"monitoring.coreos.com/v1 ServiceMonitor": func() any { return new(monitoring.ServiceMonitor) },
}

// checkObject reads a manifest as an API server with fieldValidation=Strict does: into the type of its kind. Unknown and duplicate fields,
// and values of another type, are errors. What only the schema says, such as required fields, is kubeconform's to check.
func checkObject(manifest string) error {
	text, err := yaml.YAMLToJSONStrict([]byte(manifest))
	if err != nil {
		return err
	}
	var id struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := json.UnmarshalCaseSensitivePreserveInts(text, &id); err != nil {
		return err
	}
	name := id.APIVersion + " " + id.Kind
	object, ok := objects[name]
	if !ok {
		return fmt.Errorf("%s is not among the kinds of objects.go", name)
	}
	strict, err := json.UnmarshalStrict(text, object())
	if err = errors.Join(append(strict, err)...); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
