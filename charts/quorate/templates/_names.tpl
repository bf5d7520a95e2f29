{{/* All names begin with this one. A release named quorate gives the names that config/default has. */}}
{{- define "quorate.name" -}}
{{- if contains "quorate" .Release.Name }}{{ .Release.Name }}{{ else }}{{ printf "%s-quorate" .Release.Name }}{{ end }}
{{- end }}

{{- define "quorate.labels" -}}
app.kubernetes.io/name: quorate
{{- end }}

{{- define "quorate.selector" -}}
app.kubernetes.io/component: manager
app.kubernetes.io/name: quorate
{{- end }}

{{- define "quorate.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
