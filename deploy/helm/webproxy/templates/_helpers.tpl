{{- define "webproxy.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "webproxy.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "webproxy.labels" -}}
{{ include "webproxy.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "webproxy.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* The configuration: what the chart decides lies over what the values say. */}}
{{- define "webproxy.config" -}}
{{- $fixed := dict
  "listen" ":9090"
  "audit" (dict "dir" "/var/lib/webproxy/audit" "key" "/var/lib/webproxy/audit.key")
  "dashboard" (dict "listen" ":9091")
  "admin" (dict "socket" "/var/lib/webproxy/admin.sock") -}}
{{- mergeOverwrite (deepCopy .Values.config) $fixed | toYaml }}
{{- end }}
